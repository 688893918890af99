"""Tables and reports of every stage, under LLM_TWIN_HOME.

A table is one Parquet file that carries its own record (hash of its inputs, data version,
counts) in the file's metadata, so table and record change together in one rename.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from resources.files import fetched, listed, read_json, replacing, sweep, write_json
from resources.leases import locks_of
from resources.places import Place

if TYPE_CHECKING:
    import pandas as pd

RECORD_KEY = b"llm_twin"


class NotMaterialized(RuntimeError):
    """Something was read that no run has produced yet."""

    def __init__(self, asset: str, twin: str | None) -> None:
        where = f"{asset} of twin {twin}" if twin else asset
        super().__init__(f"{where} has not been materialized: run `llm-twin run`")


@dataclass(frozen=True)
class Record:
    """What stands in the store for one asset: why it is as it is, and its version."""

    inputs: str
    version: str
    metadata: dict[str, Any] = field(default_factory=dict)
    reused: bool = False

    def reported(self) -> dict[str, Any]:
        """Metadata for the orchestrator."""
        return self.metadata | {"reused": self.reused}


@dataclass(frozen=True)
class Table:
    """What a stage built: rows, what it left out, numbers worth plotting, and what it keeps for itself."""

    rows: "pd.DataFrame"
    rejected: "pd.DataFrame | None" = None
    metadata: dict[str, Any] = field(default_factory=dict)
    aside: "pd.DataFrame | None" = None


class Store:
    """Reads and writes every stage's tables and reports below one folder."""

    def __init__(self, home: Place) -> None:
        self.home = home
        self.locks = locks_of(home)

    def folder(self, asset: str, twin: str | None = None) -> Place:
        """Where an asset's files lie."""
        base = self.home / "store" / asset
        return base / twin if twin else base

    def record(self, asset: str, twin: str | None = None) -> Record | None:
        """The record of a stored table or report, or None."""
        import pyarrow.parquet as pq

        path = fetched(self.folder(asset, twin) / "part.parquet")
        if path is not None:
            return _loads(pq.read_schema(path).metadata[RECORD_KEY])
        report = read_json(self.folder(asset, twin) / "report.json")
        return Record(**report["record"]) if report else None

    def version(self, asset: str, twin: str | None = None) -> str:
        """An upstream asset's data version; raises NotMaterialized."""
        record = self.record(asset, twin)
        if record is None:
            raise NotMaterialized(asset, twin)
        return record.version

    def read(self, asset: str, twin: str | None = None) -> "pd.DataFrame":
        """An asset's rows, checked against its schema; raises NotMaterialized."""
        import pyarrow.parquet as pq

        from llm_twin_assets.contracts import SCHEMAS, conform

        path = fetched(self.folder(asset, twin) / "part.parquet")
        if path is None:
            raise NotMaterialized(asset, twin)
        return conform(pq.read_table(path).to_pandas(), SCHEMAS[asset])

    def read_or_empty(self, asset: str, twin: str | None = None) -> "pd.DataFrame":
        """An asset's rows, or none where it was never materialized."""
        from llm_twin_assets.contracts import SCHEMAS, empty

        try:
            return self.read(asset, twin)
        except NotMaterialized:
            return empty(SCHEMAS[asset])

    def aside(self, asset: str) -> "pd.DataFrame":
        """What an asset's last run kept for its next one; none where there was no such run."""
        import pandas as pd

        from llm_twin_assets.contracts import ASIDE, conform, empty

        path = fetched(self.folder(asset) / "aside.parquet")
        return conform(pd.read_parquet(path), ASIDE[asset]) if path else empty(ASIDE[asset])

    def rejected(self) -> "pd.DataFrame":
        """Everything that every stage left out, with stage and reason."""
        import pandas as pd

        from llm_twin_assets.contracts import REJECTED, conform, empty

        files = listed(self.home / "store" / "rejected", "[!.]*.parquet")
        there = [path for path in map(fetched, files) if path]
        frames = [conform(pd.read_parquet(path), REJECTED) for path in there]
        return pd.concat([empty(REJECTED), *frames], ignore_index=True)

    def materialize(
        self, asset: str, inputs: str, build: Callable[[], Table], twin: str | None = None
    ) -> Record:
        """Build an asset's table unless the stored one was built from the same inputs.

        Holds the asset's lock throughout, so a second process waits and then reuses.
        """
        with self.locks.held(_name(asset, twin)):
            before = self.record(asset, twin)
            if before is not None and before.inputs == inputs:
                return _reused(before)
            sweep(self.folder(asset, twin))
            return self._write(asset, inputs, build(), twin)

    def report(self, asset: str, twin: str | None = None) -> dict[str, Any]:
        """A stored report's content; raises NotMaterialized."""
        stored = read_json(self.folder(asset, twin) / "report.json")
        if stored is None:
            raise NotMaterialized(asset, twin)
        content: dict[str, Any] = stored["content"]
        return content

    def materialize_report(
        self,
        asset: str,
        inputs: str,
        build: Callable[[], tuple[dict[str, Any], dict[str, Any]]],
        twin: str | None = None,
        stands: Callable[[], bool] = lambda: True,
    ) -> Record:
        """Build a report (content, metadata) unless the stored one has the same inputs.

        `stands` says whether what the stored report speaks of, outside this store, is still there.
        """
        from llm_twin_assets.contracts import digest

        with self.locks.held(_name(asset, twin)):
            before = self.record(asset, twin)
            if before is not None and before.inputs == inputs and stands():
                return _reused(before)
            content, metadata = build()
            record = Record(inputs, digest(content), metadata)
            path = self.folder(asset, twin) / "report.json"
            write_json(path, {"record": asdict(record), "content": content})
            return record

    def _write(self, asset: str, inputs: str, table: Table, twin: str | None) -> Record:
        from llm_twin_assets.contracts import SCHEMAS, UNVERSIONED, conform, rows_digest

        rows = conform(table.rows, SCHEMAS[asset])
        left = self._write_rejected(asset, table.rejected, twin)
        if table.aside is not None:
            with replacing(self.folder(asset, twin) / "aside.parquet") as temporary:
                table.aside.to_parquet(temporary, index=False)
        metadata = {"dagster/row_count": len(rows), "rejected": sum(left.values()), **table.metadata}
        metadata |= {f"rejected/{reason}": count for reason, count in left.items()}
        said = rows[[column for column in rows.columns if column not in UNVERSIONED]]
        record = Record(inputs, rows_digest(said), metadata)
        _write_parquet(self.folder(asset, twin) / "part.parquet", rows, record)
        return record

    def _write_rejected(
        self, asset: str, rejected: "pd.DataFrame | None", twin: str | None
    ) -> dict[str, int]:
        from llm_twin_assets.contracts import REJECTED, conform, empty

        frame = conform(rejected, REJECTED) if rejected is not None else empty(REJECTED)
        name = f"{asset}.{twin}" if twin else asset
        path = self.home / "store" / "rejected" / f"{name}.parquet"
        with replacing(path) as temporary:
            frame.to_parquet(temporary, index=False)
        return {str(reason): int(count) for reason, count in frame["reason"].value_counts().items()}


def _name(asset: str, twin: str | None) -> str:
    return f"{asset}/{twin}" if twin else asset


def _reused(record: Record) -> Record:
    return Record(record.inputs, record.version, record.metadata, reused=True)


def _loads(raw: bytes) -> Record:
    return Record(**json.loads(raw))


def _write_parquet(path: Place, rows: "pd.DataFrame", record: Record) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(rows, preserve_index=False)
    stamp = {RECORD_KEY: json.dumps(asdict(record)).encode()}
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata((table.schema.metadata or {}) | stamp), temporary)
