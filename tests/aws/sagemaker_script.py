"""What runs in place of a training container: speaks Pipes as it does, and does what its extras say."""

import sys
import time
from pathlib import Path

import boto3
from dagster_pipes import PipesS3ContextLoader, open_dagster_pipes

from llm_twin_assets.training.sagemaker_container import Messages


def main():
    root, client = Path(sys.argv[1]), boto3.client("s3")
    with open_dagster_pipes(
        context_loader=PipesS3ContextLoader(client), message_writer=Messages(client, interval=0)
    ) as pipes:
        step = root / "checkpoints" / "step"
        pipes.report_custom_message({"resumed": step.exists(), "told": pipes.extras["word"]})
        print(f"the data is {(root / 'input/data/words/word.txt').read_text()}", flush=True)
        if pipes.extras.get("fails"):
            (root / "output" / "failure").write_text("the words are wrong")
            raise ValueError(pipes.extras["fails"])
        if pipes.extras.get("waits") and not step.exists():
            time.sleep(1.5)  # until the message is out
            step.write_text("1")
            time.sleep(600)
        (root / "model" / "weights").write_text("learned")


if __name__ == "__main__":
    main()
