"""up.sh on a stack that is there, with stand-ins for the commands that it calls."""

import json
import os
import subprocess

import pytest

from tests.deploy.scripts import DEPLOY

AWS = """case "$*" in
  *describe-stacks*) echo registry/name ;;
  *get-secret-value*) echo "$SETTINGS" ;;
  *put-secret-value*) cat > "$PUT" ;;
  *export-credentials*) echo "export AWS_SESSION_TOKEN=token" ;;
  *) echo 1 ;;
esac"""
DOCKER = """case "$1" in
  login) cat > /dev/null ;;
  run) echo made; echo "what went wrong" >&2 ;;
  inspect) echo registry/name@sha256:1 ;;
esac"""


@pytest.mark.parametrize("held", ["", "kept"])
def test_the_key_of_a_first_run_that_stopped_half_way_is_made_once(tmp_path, held):
    for name, body in {"aws": AWS, "docker": DOCKER, "git": "echo 1"}.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    given = {"LLM_TWIN_CLIENT_KEY": held, "OPIK_API_KEY": "other"}
    more = {"SETTINGS": json.dumps(given), "PUT": str(tmp_path / "put"), "AWS_REGION": "eu-west-1"}
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [DEPLOY / "aws" / "up.sh", "trial"],
        env={"PATH": path} | more,
        capture_output=True,
        text=True,
        check=True,
    )
    put = json.loads((tmp_path / "put").read_text()) if not held else given
    assert put == given | {"LLM_TWIN_CLIENT_KEY": held or "made"}
    assert (tmp_path / "put").exists() is not bool(held)
    assert ("what went wrong" in done.stderr) is not bool(held)
    assert "made" not in done.stdout + done.stderr
