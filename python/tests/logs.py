"""Small logs for tests, written by hand."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nearside.log.schema import TABLES

SPACE = "minilm-l6-pca64-v1"
NOON = 1_700_000_000  # a second in November 2023


def at(second: float) -> datetime:
    """A time, in seconds after `NOON`."""
    return datetime.fromtimestamp(NOON + second, UTC)


def vector(number: int) -> bytes:
    """A vector of its own."""
    return np.random.default_rng(number).integers(-127, 128, 64, np.int8).tobytes()


def article(id_: str, topic: str | None = "sports", number: int | None = None, **other: Any) -> dict[str, Any]:
    """A row of the articles table."""
    about = {"id": id_, "title": f"About {id_}", "topic": topic, "subtopic": "tennis" if topic else None}
    return about | {"vector": vector(ord(id_[0]) if number is None else number)} | other


def shown(id_: str, reader: str, second: float, articles: Sequence[str | None], **other: Any) -> dict[str, Any]:
    """A row of the impressions table."""
    row = {"id": id_, "reader": reader, "time": at(second), "articles": list(articles)}
    return row | {"positions": list(range(len(articles)))} | other


def click(reader: str, second: float, article_: str, impression: str | None = None, **other: Any) -> dict[str, Any]:
    """A row of the clicks table."""
    return {"reader": reader, "time": at(second), "article": article_, "impression": impression} | other


def write_log(
    folder: Path,
    articles: list[dict[str, Any]],
    impressions: list[dict[str, Any]],
    clicks: list[dict[str, Any]],
    *,
    without: Sequence[str] = (),
    space: str | None = SPACE,
) -> Path:
    """Writes the three tables, without the columns named in `without`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("articles", articles), ("impressions", impressions), ("clicks", clicks)):
        fields = [field.with_nullable(True) for field in TABLES[name]]
        table = pa.Table.from_pylist(rows, schema=pa.schema(fields))
        pq.write_table(
            table.drop([column for column in table.column_names if column in without]), folder / f"{name}.parquet"
        )
    (folder / "log.json").write_text(json.dumps({"version": 1, "space": space, "source": "test"}))
    return folder
