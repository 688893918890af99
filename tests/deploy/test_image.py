"""The image's definition, read as text: no container can be built where the tests run."""

import itertools
import json
import re
import shlex
import tomllib

import pytest
from click.testing import CliRunner

from llm_twin_assets.cli import main
from resources.settings import Settings
from tests.deploy.scripts import ROOT, ignored

WORDS = re.compile(r"(?i)secret|token|password|api_key|credential")
FILES = frozenset(["ARG", "FROM", "WORKDIR", "RUN", "COPY"])
PROCESS = frozenset(["ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD", "LABEL"])


def instructions():
    """Each instruction of the Dockerfile with its arguments, continued lines joined."""
    text = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def stages():
    """The instructions of each stage, its FROM first; what stands before the first stage is left out."""
    found = []
    for name, arguments in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, arguments))
    return found


def of(stage, name):
    return [arguments for one, arguments in stage if one == name]


def expanded(text, **variables):
    """Docker's ${name} and ${name:+word}, inner ones first."""
    inner = re.compile(r"\$\{(\w+)(?::\+([^${}]*))?\}")
    while found := inner.search(text):
        name, word = found.groups()
        value = variables.get(name, "")
        text = text.replace(found.group(), value if word is None else word if value else "")
    return text


def variables(stage):
    return dict(part.split("=", 1) for line in of(stage, "ENV") for part in shlex.split(line))


def sources(stage):
    """What each COPY takes from the repository."""
    copies = [shlex.split(line) for line in of(stage, "COPY")]
    return [path for copy in copies if not copy[0].startswith("--from=") for path in copy[:-1]]


BUILD, FINAL, GPU, CPU = stages()


def test_only_instructions_that_are_looked_at_here_are_used():
    assert {name for name, _ in instructions()} <= FILES | PROCESS


def test_it_is_built_in_one_stage_and_run_in_another_without_what_built_it():
    (base, build), (again, runtime) = (of(stage, "FROM")[0].split(" AS ") for stage in (BUILD, FINAL))
    assert (build, runtime) == ("build", "runtime")
    assert base == again
    assert [line for line in of(FINAL, "COPY") if "--from=" in line] == [
        "--from=build /opt/llm-twin /opt/llm-twin"
    ]
    assert not any("pip" in line for line in of(FINAL, "RUN"))


def test_the_two_variants_are_the_same_image_but_for_what_a_gpu_asks_of_its_host():
    assert [of(stage, "FROM") for stage in (GPU, CPU)] == [["runtime AS gpu"], ["runtime AS cpu"]]
    assert len(CPU) == 1
    assert set(variables(GPU)) == {"NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}
    assert [name for name, _ in GPU] == ["FROM", "ENV"]


def test_the_base_is_named_by_its_version_and_can_be_pinned_to_a_digest():
    given = dict(line.split("=", 1) for name, line in instructions()[:2])
    base = of(FINAL, "FROM")[0].removesuffix(" AS runtime")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", expanded(base, **given))
    pinned = expanded(base, **given | {"PYTHON_DIGEST": "sha256:0"})
    assert pinned == expanded(base, **given) + "@sha256:0"


def test_what_is_installed_is_pinned_and_nothing_that_only_development_needs():
    (install,) = [line for line in of(BUILD, "RUN") if "pip install" in line]
    words = shlex.split(expanded(install))
    assert words[-3:] == ["-c", "constraints.txt", ".[$EXTRAS]"]
    (extras,) = [line.partition("=")[2] for line in of(BUILD, "ARG") if line.startswith("EXTRAS=")]
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) == {"aws", "opik"} <= set(offered)
    assert not any(word.startswith("--extra-index-url") for word in words)
    assert "http" not in (ROOT / "deploy" / "Dockerfile").read_text().replace("http://127.0.0.1", "")
    with_index = expanded(install, TORCH_INDEX="x")
    assert '--extra-index-url "$TORCH_INDEX"' in with_index


@pytest.mark.parametrize("path", sources(BUILD) + sources(FINAL))
def test_what_is_copied_is_there_and_reaches_the_builder(path):
    assert (ROOT / path).exists()
    assert not ignored(path)
    inside = [one for one in (ROOT / path).rglob("*.*") if not set(one.parts) & {"__pycache__", ".llm_twin"}]
    assert not [one for one in inside if ignored(one.relative_to(ROOT).as_posix())]


def test_the_packages_and_the_declared_sources_are_all_copied():
    copied = sources(BUILD) + sources(FINAL)
    project = (ROOT / "pyproject.toml").read_text()
    packages = json.loads(re.search(r"packages = (\[.*\])", project.split("hatch.build")[1]).group(1))
    assert set(packages) <= set(copied)
    declared = re.findall(r"(?:path|questions): (\S+)", (ROOT / "twins.yaml").read_text())
    assert declared
    assert set(declared) <= set(copied)


@pytest.mark.parametrize(
    "path", [".env", ".venv/bin/python", ".llm_twin/serving/keys.json", ".git/config", "tests/world.py",
             "resources/.env", "jobs/.env.production", "docs/manual/.llm_twin/x", "deploy/rollout.py",
             "deploy/aws/template.yaml", "jobs/__pycache__/x.pyc", "resources/__pycache__/app.pyc"]
)  # fmt: skip
def test_nothing_of_this_machine_reaches_the_builder(path):
    assert ignored(path)


def test_no_secret_is_in_it():
    for stage in (BUILD, FINAL, GPU):
        assert not [name for name in variables(stage) if WORDS.search(name)]
        assert not [line for line in of(stage, "ARG") if WORDS.search(line)]
        assert not [path for path in sources(stage) if WORDS.search(path) or ".env" in path]


def test_it_runs_as_nobody_special_and_writes_only_into_its_volume():
    names = [name for name, _ in FINAL]
    assert of(FINAL, "USER") == ["10001"]
    assert names.index("USER") > max(at for at, name in enumerate(names) if name in ("RUN", "COPY"))
    (made,) = of(FINAL, "RUN")
    assert "useradd --uid 10001" in made
    assert "install -d -o twin -g twin /data" in made
    assert of(FINAL, "VOLUME") == ["/data"]
    assert variables(FINAL)["LLM_TWIN_HOME"] == "/data"


def test_its_variables_are_settings_that_mean_what_they_say(monkeypatch):
    for name, value in variables(FINAL).items():
        if name.startswith("LLM_TWIN_"):
            monkeypatch.setenv(name, value)
    read = Settings()
    assert (str(read.home), read.host, read.port) == ("/data", "0.0.0.0", 8010)
    assert of(FINAL, "EXPOSE") == [str(read.port)]


def test_its_command_is_one_of_ours_and_gives_way_to_a_launchers():
    assert not [line for stage in stages() for line in of(stage, "ENTRYPOINT")]
    entry, command = json.loads(of(FINAL, "CMD")[0])
    assert f'{entry} = "llm_twin_assets.cli:main"' in (ROOT / "pyproject.toml").read_text()
    assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_its_health_check_asks_a_server_that_lives(monkeypatch):
    import http.server
    import threading
    import urllib.error

    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *words):
            pass

    (check,) = of(FINAL, "HEALTHCHECK")
    python, flag, program = json.loads(check.partition("CMD ")[2])
    assert (python, flag) == ("python", "-c")
    with http.server.HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.handle_request).start()
        monkeypatch.setenv("LLM_TWIN_PORT", str(server.server_address[1]))
        exec(program, {})
    with pytest.raises(urllib.error.URLError):
        exec(program, {})


def test_the_commands_of_its_page_exist():
    page = (ROOT / "deploy" / "README.md").read_text()
    ours = re.findall(r"llm-twin llm-twin (keys create)|exec twin llm-twin (run)|`llm-twin (serve)`", page)
    ours = [one for one in itertools.chain(*ours) if one]
    assert {"keys create", "run", "serve"} <= set(ours)
    for command in set(ours):
        assert CliRunner().invoke(main, [*command.split(), "--help"]).exit_code == 0
    arguments = {line.split("=")[0] for name, line in instructions() if name == "ARG"}
    assert set(re.findall(r"--build-arg (\w+)=", page)) <= arguments
    assert set(re.findall(r"--target (\w+)", page)) == {"gpu"}


def test_what_the_cloud_runs_in_it_is_in_it():
    template = (ROOT / "deploy" / "aws" / "template.yaml").read_text()
    workflows = "".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    started = set(re.findall(r"deploy/aws/\w+\.(?:py|yaml)(?=[],])", template))
    started |= set(re.findall(r"(?<=  python )deploy/\w+\.py", workflows))
    assert started >= {"deploy/aws/database.py", "deploy/aws/workspace.yaml", "deploy/smoke.py"}
    assert started - {"deploy/rollout.py"} <= set(sources(FINAL))
    assert "/app/deploy/aws" in template
    assert of(FINAL, "WORKDIR") == ["/app"]
    assert "deploy/aws/dagster.yaml" in sources(FINAL)
