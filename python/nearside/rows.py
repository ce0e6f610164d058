"""Feature rows on disk: what `nearside replay` writes and `nearside train` reads.

A directory of

- `candidates.parquet`: one row a candidate, in the server's order: `impression` (its row in the log), `article` (row in
  `articles.parquet`), `position` (slot it was shown in), `clicked`, `shows`, `clicks`, `server_logit`, `scorable`, and
  one float32 column a feature;
- `impressions.parquet`: `impression`, `id`, `reader`, `time`, `candidates` (how many), `evidence`, `history` (rows of
  the clicked articles that have a vector, oldest first) and `history_weight`;
- `articles.parquet`: `id`, `topic`, `subtopic`, `vector`;
- `features.json`: the features' names, the vector space, the log's description and its faults.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nearside.batch import Batch
from nearside.log import Log, LogError
from nearside.space import DIMENSION

VERSION = 1
COLUMNS = ("article", "position", "clicked", "shows", "clicks", "server_logit", "scorable")


def write_rows(output: Path, log: Log, batches: Iterable[Batch], features: Sequence[str]) -> int:
    """Writes the rows of a replay and gives their number. The directory appears whole or not at all."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise LogError(f"{output} exists and is not an empty directory")
    unfinished = output.with_name(f".{output.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    candidates = impressions = None
    count = 0
    ids, readers = log.impression_ids(), log.readers
    try:
        for batch in batches:
            tables = _candidates(batch), _impressions(batch, ids, readers)
            if candidates is None or impressions is None:
                candidates = pq.ParquetWriter(unfinished / "candidates.parquet", tables[0].schema, compression="zstd")
                impressions = pq.ParquetWriter(unfinished / "impressions.parquet", tables[1].schema, compression="zstd")
            candidates.write_table(tables[0])
            impressions.write_table(tables[1])
            count += len(batch.article)
    finally:
        for writer in (candidates, impressions):
            if writer is not None:
                writer.close()
    vectors = log.articles.vectors
    columns = {
        "id": log.ids,
        "topic": log.topics,
        "subtopic": log.subtopics,
        "vector": pa.array([row.tobytes() for row in vectors], pa.binary(DIMENSION)),
    }
    pq.write_table(pa.table(columns), unfinished / "articles.parquet", compression="zstd")
    about = {
        "version": VERSION,
        "features": list(features),
        "space": log.space,
        "log": log.about,
        "faults": log.faults.report(),
    }
    (unfinished / "features.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    if output.exists():
        output.rmdir()
    unfinished.rename(output)
    return count


def _candidates(batch: Batch) -> pa.Table:
    columns: dict[str, Any] = {"impression": np.repeat(batch.impression, np.diff(batch.offsets))}
    columns |= {name: getattr(batch, name) for name in COLUMNS}
    columns |= {name: np.ascontiguousarray(batch.features[:, at]) for at, name in enumerate(batch.names)}
    return pa.table(columns)


def _impressions(batch: Batch, ids: pa.Array, readers: pa.Array) -> pa.Table:
    ends = pa.array(batch.history_offsets.astype(np.int32))
    return pa.table(
        {
            "impression": batch.impression,
            "id": ids.take(pa.array(batch.impression)),
            "reader": readers.take(pa.array(batch.reader)),
            "time": pa.array(batch.second.astype(np.int64) * 1000, pa.timestamp("ms", "UTC")),
            "candidates": np.diff(batch.offsets),
            "evidence": batch.evidence,
            "history": pa.ListArray.from_arrays(ends, pa.array(batch.history_article)),
            "history_weight": pa.ListArray.from_arrays(ends, pa.array(batch.history_weight)),
        }
    )


@dataclass(frozen=True)
class Rows:
    """Impressions that can teach something: I of them with S candidates and T history entries in all, in time order."""

    about: dict[str, Any]
    names: tuple[str, ...]
    vectors: NDArray[np.int8]  # [A, 64]
    reader: NDArray[np.int64]  # [I]
    second: NDArray[np.int64]  # [I]
    evidence: NDArray[np.float32]  # [I]
    offsets: NDArray[np.int64]  # [I + 1]
    article: NDArray[np.uint32]  # [S]
    position: NDArray[np.int32]  # [S]
    clicked: NDArray[np.bool_]  # [S]
    server_logit: NDArray[np.float32]  # [S]
    scorable: NDArray[np.bool_]  # [S]
    features: NDArray[np.float32]  # [S, F]
    history_offsets: NDArray[np.int64]  # [I + 1]
    history: NDArray[np.uint32]  # [T]
    history_weight: NDArray[np.float32]  # [T]


def read_rows(folder: Path, *, minimum_evidence: float, most: int | None = None) -> Rows:
    """Reads the impressions of a features directory that have a click, at least `minimum_evidence` and a history.

    `most`: only the latest so many. Raises `LogError` where none is left.
    """
    about_file = folder / "features.json"
    if not about_file.is_file():
        raise LogError(f"{folder} has no features.json: it is written by `nearside replay`")
    about = json.loads(about_file.read_text("utf-8"))
    names = tuple(about["features"])
    parts = list(_kept(folder, names, minimum_evidence))
    if not parts:
        raise LogError(f"{folder} has no impression with a click and {minimum_evidence} clicks before it")
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    if most is not None and len(columns["second"]) > most:
        skipped = len(columns["second"]) - most
        rows = int(columns["candidates"][:skipped].sum())
        entries = int(columns["entries"][:skipped].sum())
        for key, value in columns.items():
            cut = rows if key in ROW_KEYS else entries if key in HISTORY_KEYS else skipped
            columns[key] = value[cut:]
    articles = pq.read_table(folder / "articles.parquet", columns=["vector"])
    buffer = articles["vector"].combine_chunks().buffers()[1]
    vectors = np.frombuffer(buffer, np.int8).reshape(-1, DIMENSION)
    return Rows(
        about=about,
        names=names,
        vectors=vectors,
        offsets=_ends(columns.pop("candidates")),
        history_offsets=_ends(columns.pop("entries")),
        **columns,
    )


ROW_KEYS = {"article", "position", "clicked", "server_logit", "scorable", "features"}
HISTORY_KEYS = {"history", "history_weight"}


def _ends(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _kept(folder: Path, names: Sequence[str], minimum_evidence: float) -> Iterator[dict[str, NDArray[Any]]]:
    candidates = pq.ParquetFile(folder / "candidates.parquet")
    impressions = pq.ParquetFile(folder / "impressions.parquet")
    readers: dict[str, int] = {}
    for group in range(candidates.num_row_groups):
        rows = candidates.read_row_group(group)
        heads = impressions.read_row_group(group)
        lengths = heads["candidates"].to_numpy()
        impression = np.repeat(np.arange(len(lengths)), lengths)
        clicked = rows["clicked"].to_numpy()
        scorable = rows["scorable"].to_numpy()
        evidence = heads["evidence"].to_numpy()
        histories = heads["history"].combine_chunks()
        entries = np.diff(histories.offsets.to_numpy())
        clicks = np.bincount(impression, clicked, len(lengths))
        scored = np.bincount(impression, scorable, len(lengths))
        kept = (clicks > 0) & (clicks < lengths) & (scored > 1) & (evidence >= minimum_evidence) & (entries > 0)
        if not kept.any():
            continue
        row, entry = kept[impression], np.repeat(kept, entries)
        names_of_readers = heads["reader"].to_pylist()
        codes = [readers.setdefault(name, len(readers)) for name in names_of_readers]
        yield {
            "reader": np.array(codes)[kept],
            "second": heads["time"].cast(pa.int64()).to_numpy()[kept] // 1000,
            "evidence": evidence[kept],
            "candidates": lengths[kept],
            "article": rows["article"].to_numpy()[row],
            "position": rows["position"].to_numpy()[row],
            "clicked": clicked[row],
            "server_logit": rows["server_logit"].to_numpy()[row],
            "scorable": scorable[row],
            "features": np.stack([rows[name].to_numpy()[row] for name in names], axis=1),
            "entries": entries[kept].astype(np.int64),
            "history": histories.values.to_numpy()[entry],
            "history_weight": heads["history_weight"].combine_chunks().values.to_numpy()[entry],
        }
