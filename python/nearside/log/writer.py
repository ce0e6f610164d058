"""Writes a click log."""

import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from nearside.log.schema import ABOUT, TABLES, VERSION


class LogWriter:
    """Writes a log, and tables beside it, into a directory that appears whole or not at all.

    Every `write` makes a row group, so memory holds no more than the caller gives at once. Equal input gives equal
    bytes.
    """

    def __init__(
        self, output: Path, space: str | None, source: str, beside: dict[str, pa.Schema] | None = None
    ) -> None:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(f"{output} exists and is not an empty directory")
        self._output = output
        self._about = {"version": VERSION, "space": space, "source": source}
        self._schemas = TABLES | (beside or {})
        output.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> "LogWriter":
        for name, schema in self._schemas.items():
            self._writers[name] = pq.ParquetWriter(self._folder / f"{name}.parquet", schema, compression="zstd")
        return self

    def write(self, name: str, columns: dict[str, pa.Array]) -> None:
        """Appends rows to the table `name`; a column that is not given is null."""
        schema = self._schemas[name]
        length = len(next(iter(columns.values())))
        arrays = [columns[field.name] if field.name in columns else pa.nulls(length, field.type) for field in schema]
        if length:
            self._writers[name].write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=length)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        if kind is None:
            (self._folder / ABOUT).write_text(json.dumps(self._about, indent=2) + "\n", "utf-8")
            if self._output.exists():
                self._output.rmdir()
            self._folder.chmod(0o755)
            self._folder.rename(self._output)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
