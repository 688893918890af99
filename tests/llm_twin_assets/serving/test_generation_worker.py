"""The generation process as one that logs; what it generates is tested with the engine that starts it."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_what_the_generation_process_and_its_libraries_log_is_one_json_object_a_line():
    program = (
        "import logging\n"
        "from llm_twin_assets.serving import generation_worker as worker, logs\n"
        "logs.configure()\n"
        "worker._take_over(*worker.LIBRARIES)\n"
        "for name in ('ContinuousBatchingLogger', 'transformers.anything', 'ours'):\n"
        "    logging.getLogger(name).warning('told')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["logger"], line["message"]) for line in lines] == [
        ("ContinuousBatchingLogger", "told"),
        ("transformers.anything", "told"),
        ("ours", "told"),
    ]
