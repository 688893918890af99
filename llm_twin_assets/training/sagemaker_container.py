"""The training process in a SageMaker container.

    python -m llm_twin_assets.training.sagemaker_container /opt/ml

The task and what is told of it go through Pipes in S3; model and report are what SageMaker makes the job's
artefact of. A job whose spot instance was taken away starts here again, with the checkpoints of before.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from dagster_pipes import (
    PipesParams,
    PipesS3ContextLoader,
    PipesS3MessageWriter,
    PipesS3MessageWriterChannel,
    open_dagster_pipes,
)

from llm_twin_assets.training.sagemaker_job import REPORT, settle
from llm_twin_assets.training.train import work

MESSAGES_SECONDS = 5


class Messages(PipesS3MessageWriter):
    """Writes behind what an earlier start of the same job wrote: its reader does not go back."""

    def make_channel(self, params: PipesParams) -> PipesS3MessageWriterChannel:
        """A channel that begins at the first free number."""
        bucket, prefix = str(params["bucket"]), str(params["key_prefix"])
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        before = sum(page["KeyCount"] for page in pages)
        return _Channel(before, self._client, bucket, prefix, interval=self.interval)


class _Channel(PipesS3MessageWriterChannel):
    def __init__(self, before: int, client: Any, bucket: str, prefix: str, *, interval: float) -> None:
        super().__init__(client, bucket, prefix, interval=interval)
        self._before = before

    def upload_messages_chunk(self, payload: Any, index: int) -> None:
        super().upload_messages_chunk(payload, self._before + index)


def main() -> None:
    """Do the task that Pipes brings; what fails says so where SageMaker looks for it."""
    from boto3.session import Session

    # Threads that spin while they wait make torch slow on shared cores; read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    root, client = Path(sys.argv[1]), Session().client("s3")
    loader, writer = PipesS3ContextLoader(client), Messages(client, interval=MESSAGES_SECONDS)
    try:
        with open_dagster_pipes(context_loader=loader, message_writer=writer) as pipes:
            task = settle(dict(pipes.extras), root, os.cpu_count() or 1)
            report = work(task, pipes.log.info)
            (root / "model" / REPORT).write_text(json.dumps(report))
    except BaseException as error:
        told = "".join(traceback.format_exception_only(error)).strip()
        (root / "output" / "failure").write_text(told)
        raise


if __name__ == "__main__":
    main()
