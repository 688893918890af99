"""The workflows: their form, what they may do, and that ci does nothing that nobody can do at home."""

import re
import subprocess
import sys

import pytest
import yaml

from tests.deploy.scripts import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
# `on` is true to YAML 1.1.
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
each = pytest.mark.parametrize("name", sorted(WORKFLOWS))
# Every step of ci.yml that is not one of `.ci/run`'s, and why.
NOT_AT_HOME = {
    ".ci/run": "it is what a person runs",
    "make .venv/ready": "the first thing that `make test` does",
    ".venv/bin/cfn-lint deploy/aws/template.yaml": "tests/deploy/test_template.py runs the same linter",
    ".venv/bin/pip install --quiet -c constraints.txt pytest-cov==7.1.0": "coverage is shown on GitHub only",
    'cat coverage.md >> "$GITHUB_STEP_SUMMARY"': "there is no summary elsewhere",
    "make run": "tests/test_graph.py runs the same command on a smaller corpus",
    "make pictures": "needs the finished `make run` of the step before; takes minutes",
    "pip install --quiet pip-audit==2.10.1": "asks a registry",
    "pip-audit --disable-pip --no-deps -r constraints.txt": "asks a database of advisories",
    "docker run --rm llm-twin:cpu llm-twin --help": "needs a container runtime",
    "docker run --rm llm-twin:cpu dagster --version": "needs a container runtime",
}


def jobs(name):
    return WORKFLOWS[name]["jobs"].items()


def steps(name):
    return [step for _, job in jobs(name) for step in job.get("steps", [])]


def scripts():
    return [(name, step["run"]) for name in WORKFLOWS for step in steps(name) if "run" in step]


def test_they_have_githubs_form():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *map(str, FILES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each
def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is(name):
    text = (FOLDER / f"{name}.yml").read_text()
    for line in re.findall(r"uses: (.+)", text):
        assert re.fullmatch(
            r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/\w+\.yml", line
        )


def test_an_action_is_the_same_commit_everywhere():
    lines = {line for path in FILES for line in re.findall(r"uses: (\w.+)", path.read_text())}
    assert len({line.partition("@")[0] for line in lines}) == len(lines)


@each
def test_it_may_only_read_unless_a_job_says_more(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    for job_name, job in jobs(name):
        more = job.get("permissions", {})
        allowed = {"contents": "read", "pull-requests": "read", "id-token": "write"}
        assert more.items() <= allowed.items(), job_name
        assert "id-token" not in more or name != "ci"


@each
def test_two_runs_do_not_get_into_each_others_way_and_none_runs_for_good(name):
    for job_name, job in jobs(name):
        # What is called has its own group; what gets no role touches nothing that another could.
        has_role = "id-token" in job.get("permissions", {}) and "uses" not in job
        assert "concurrency" in WORKFLOWS[name] or "concurrency" in job or not has_role, job_name
        assert "uses" in job or 0 < job["timeout-minutes"] <= 120, job_name
    if name != "ci":
        groups = [WORKFLOWS[name].get("concurrency"), *(job.get("concurrency") for _, job in jobs(name))]
        assert all(group["cancel-in-progress"] is False for group in groups if group)


@each
def test_no_long_lived_key_is_used(name):
    text = (FOLDER / f"{name}.yml").read_text()
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITLEAKS_LICENSE"}
    assert not re.search(r"(?i)aws[-_]access|aws[-_]secret|password", text)
    for step in steps(name):
        if "configure-aws-credentials" in step.get("uses", ""):
            assert step["with"].keys() <= {"role-to-assume", "aws-region", "role-duration-seconds"}


@each
def test_whoever_gets_a_role_does_so_in_an_environment_and_no_checkout_keeps_the_token(name):
    for job_name, job in jobs(name):
        if job.get("permissions", {}).get("id-token") == "write":
            assert "environment" in job or "environment" in job["with"], job_name
    for step in steps(name):
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("name", "text"), scripts(), ids=lambda value: value.split("\n")[0][:40])
def test_a_script_is_bash_and_takes_what_people_write_from_variables_only(name, text):
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "${{" not in text
    assert "\n" not in text.strip() or text.startswith("set -euo pipefail\n")


def test_every_command_of_ci_is_one_of_ci_run_or_says_why_it_is_not():
    makefile = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    tested = [line.strip() for line in makefile.split("\ntest:")[1].split("\n\n")[0].splitlines()[1:]]
    done = {step["run"].strip() for step in steps("ci") if "run" in step}
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("make test")
    assert done - set(tested) == set(NOT_AT_HOME)
    assert set(tested) - done == {line for line in tested if "pytest" in line}


def test_ci_tries_both_pythons_a_real_qdrant_and_both_images():
    tests = WORKFLOWS["ci"]["jobs"]["tests"]
    assert [one["python"] for one in tests["strategy"]["matrix"]["include"]] == ["3.11", "3.12"]
    assert re.fullmatch(r"qdrant/qdrant:v\d+\.\d+\.\d+", tests["services"]["qdrant"]["image"])
    assert tests["env"]["QDRANT_TEST_URL"]
    assert WORKFLOWS["ci"]["jobs"]["image"]["strategy"]["matrix"] == {"variant": ["cpu", "gpu"]}
    assert [step["with"]["push"] for step in steps("ci") if "build-push" in step.get("uses", "")] == [False]


def test_production_comes_after_staging_and_both_go_the_same_way():
    found = WORKFLOWS["cd"]["jobs"]
    assert found["staging"]["uses"] == found["production"]["uses"] == "./.github/workflows/deploy.yml"
    assert (found["staging"]["needs"], found["production"]["needs"]) == ("build", "staging")
    assert [found[one]["with"]["environment"] for one in ("staging", "production")] == [
        "staging",
        "production",
    ]
    assert WORKFLOWS["cd"][True]["workflow_run"]["branches"] == ["main"]
    assert "workflow_run.event == 'push'" in found["build"]["if"]


def test_the_image_comes_with_its_provenance_and_its_parts():
    (build,) = [step for step in steps("cd") if "build-push" in step.get("uses", "")]
    assert (build["with"]["provenance"], build["with"]["sbom"]) == ("mode=max", True)
    assert any("skopeo copy --all --preserve-digests" in text for _, text in scripts())


def test_a_deployment_is_tried_and_goes_back_when_it_fails():
    ((_, job),) = jobs("deploy")
    names = [step.get("id") or step.get("name") or step.get("uses", "")[:20] for step in job["steps"]]
    order = [names.index(one) for one in ("before", "images", "rollout", "smoke test", "go back")]
    assert order == sorted(order)
    back = job["steps"][names.index("go back")]
    assert back["if"].startswith("failure() && steps.rollout.outcome == 'success'")
    assert "dagster instance migrate" in "".join(step.get("run", "") for step in job["steps"])


def test_what_may_come_after_an_hour_comes_with_new_credentials():
    ((_, job),) = jobs("deploy")
    credentials = [step for step in job["steps"] if "configure-aws" in step.get("uses", "")]
    assert len({(step["uses"], str(step["with"])) for step in credentials}) == 1
    before = {b["name"]: a for a, b in zip(job["steps"], job["steps"][1:], strict=False) if "name" in b}
    assert before["smoke test"] == credentials[1]
    assert before["go back"] == credentials[2]
    assert before["go back"]["if"] == job["steps"][job["steps"].index(credentials[2]) + 1]["if"]
    (asked,) = [step["run"] for step in steps("evaluate") if "rollout.py task" in step.get("run", "")]
    assert "--seconds 3000 " in asked


def test_an_approval_that_is_waited_for_stops_no_other_run_and_costs_no_image():
    assert "concurrency" not in WORKFLOWS["cd"]
    (kept,) = [step["with"] for step in steps("cd") if "upload-artifact" in step.get("uses", "")]
    # GitHub waits thirty days for an approval.
    assert kept["retention-days"] == 30
    ((_, job),) = jobs("deploy")
    groups = [WORKFLOWS["rollback"]["concurrency"]["group"], job["concurrency"]["group"]]
    assert groups == ["rollback-${{ inputs.environment }}", "stack-${{ inputs.environment }}"]


@each
def test_the_outputs_of_the_stack_that_are_used_exist(name):
    template = (ROOT / "deploy" / "aws" / "template.yaml").read_text()
    outputs = re.findall(r"^  (\w+):$", template.split("\nOutputs:")[1], re.M)
    text = (FOLDER / f"{name}.yml").read_text()
    used = set(re.findall(r"steps\.before\.outputs\.(\w+)", text)) - {"Image", "GpuImage"}
    rollout = (ROOT / "deploy" / "rollout.py").read_text()
    used |= set(re.findall(r'(?:found|outputs\(found\))\["([A-Z]\w+)"\]', rollout)) - {"Parameters"}
    assert used <= set(outputs)
