"""Reads a click log in time order, with names as numbers.

`Log.open` takes a directory of Parquet files or a MIND folder. What is wrong with a log is counted in `Log.faults`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nearside.arrow import compute as pc
from nearside.articles import Articles
from nearside.faults import Faults
from nearside.log.schema import ARTICLES, CLICKS, IMPRESSIONS, TIME
from nearside.space import DIMENSION, Space

ROWS_READ = 16_384  # impressions read at once


class LogError(ValueError):
    """A log that cannot be used at all; one sentence."""


@dataclass
class Tables:
    """A log in memory; `impressions` may be a Parquet file, which is then read piece by piece."""

    articles: pa.Table
    impressions: pa.Table | pq.ParquetFile
    clicks: pa.Table
    about: dict[str, Any]
    faults: Faults


@dataclass(frozen=True)
class Impressions:
    """Consecutive impressions, sorted by time; I of them with S candidates."""

    row: NDArray[np.int64]  # [I] in the impressions table
    reader: NDArray[np.uint32]  # [I]
    second: NDArray[np.uint32]  # [I]
    offsets: NDArray[np.int64]  # [I + 1]
    article: NDArray[np.uint32]  # [S] in shown order
    clicked: NDArray[np.bool_]  # [S]
    viewed: NDArray[np.bool_] | None  # [S]


@dataclass(frozen=True)
class Clicks:
    """All clicks, sorted by time."""

    reader: NDArray[np.uint32]
    second: NDArray[np.uint32]
    article: NDArray[np.uint32]
    impression: NDArray[np.int64]  # row in the impressions table; -1 for none
    dwell: NDArray[np.float64]  # seconds; NaN where not known


class Log:
    """A log whose names have become numbers. Articles that are only mentioned have rows behind those with text."""

    def __init__(self, tables: Tables) -> None:
        self.about = tables.about
        self.faults = tables.faults
        self._impressions = tables.impressions
        heads = _read(tables.impressions, ["id", "reader", "time"])
        if heads.num_rows == 0:
            raise LogError("the log has no impression")
        articles = self._unique(tables.articles, "an article was listed again; the first was kept")
        mentioned = pc.unique(
            pa.chunked_array([*self._mentioned(), *tables.clicks["article"].cast(pa.string()).chunks])
        )
        unknown = mentioned.filter(pc.invert(pc.is_in(mentioned, articles["id"].combine_chunks())))
        first = unknown[0].as_py() if len(unknown) else ""
        self.faults.add("an article is not in the articles table: it has no text, topic or vector", first, len(unknown))
        self.ids: list[str] = articles["id"].to_pylist() + unknown.to_pylist()
        self._article_ids = pa.array(self.ids, pa.string())
        self.articles, self.topics, self.subtopics = _columns(articles, len(unknown))
        self.readers = pc.unique(
            pa.chunked_array(
                [*heads["reader"].cast(pa.string()).chunks, *tables.clicks["reader"].cast(pa.string()).chunks]
            )
        )
        self._reader = self._codes(heads["reader"], self.readers).astype(np.uint32)
        self._milliseconds = _milliseconds(heads["time"])
        self.impressions = heads.num_rows
        backwards = int((np.diff(self._milliseconds) < 0).sum())
        self._sorted = backwards == 0
        self.faults.add("an impression is earlier than the one before it; they were sorted", "", backwards)
        self.clicks = self._read_clicks(tables.clicks, heads["id"].combine_chunks())
        self._usable = {name for name in ("positions", "viewed") if self._complete(name)}
        self.shown_order = "positions" in self._usable
        self._check_first(heads)

    @classmethod
    def open(cls, folder: Path, space: Space | None = None, *, history_days: float | None = None) -> "Log":
        """Opens a log directory or a MIND folder (`space` encodes its articles).

        Raises `LogError` where there is nothing to read.
        """
        from nearside import mind

        if mind.is_mind(folder):
            days = mind.HISTORY_DAYS if history_days is None else history_days
            return cls(mind.read_mind(folder, space or Space.load(), history_days=days))
        if not folder.is_dir():
            raise LogError(f"{folder} is no directory")
        for name in ("articles", "impressions", "clicks"):
            if not (folder / f"{name}.parquet").is_file():
                raise LogError(f"{folder} has no {name}.parquet, and no behaviors.tsv either")
        about_file = folder / "log.json"
        about = json.loads(about_file.read_text("utf-8")) if about_file.exists() else {"version": 1, "source": "?"}
        articles = pq.read_table(folder / "articles.parquet")
        clicks = pq.read_table(folder / "clicks.parquet", read_dictionary=["reader", "article"])
        for name, table, schema in (("articles", articles, ARTICLES), ("clicks", clicks, CLICKS)):
            _require(table.column_names, schema, folder / f"{name}.parquet")
        impressions = pq.ParquetFile(folder / "impressions.parquet")
        _require(impressions.schema_arrow.names, IMPRESSIONS, folder / "impressions.parquet")
        return cls(Tables(articles, impressions, clicks, about, Faults()))

    def impression_ids(self) -> pa.Array:
        """The ids, in the order of the impressions table."""
        return _read(self._impressions, ["id"])["id"].combine_chunks()

    @property
    def space(self) -> str:
        """The vector space of the articles, `""` where the log does not say."""
        return self.about.get("space") or ""

    def batches(self, size: int = 2048) -> Iterator[Impressions]:
        """The impressions in time order, about `size` at a time."""
        names = ["articles", *sorted(self._usable)]
        if not self._sorted or not isinstance(self._impressions, pq.ParquetFile):
            table = _read(self._impressions, names)
            order = np.argsort(self._milliseconds, kind="stable")
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                yield self._batch(table.take(pa.array(rows)), rows)
            return
        start = 0
        for piece in self._impressions.iter_batches(size, columns=names):
            yield self._batch(pa.Table.from_batches([piece]), np.arange(start, start + piece.num_rows))
            start += piece.num_rows

    def _batch(self, table: pa.Table, rows: NDArray[np.int64]) -> Impressions:
        lists = table["articles"].combine_chunks()
        lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        article = self._codes(pc.list_flatten(lists), self._article_ids)
        impression = np.repeat(np.arange(len(rows)), lengths)
        viewed = None
        if "viewed" in table.column_names:
            viewed = _flat(table["viewed"], len(article), False)
        if "positions" in table.column_names:
            order = np.lexsort((_flat(table["positions"], len(article), 0), impression))
            article = article[order]
            viewed = None if viewed is None else viewed[order]
        # Of an article that is shown twice, the first place counts.
        key = impression * len(self.ids) + article
        _, first = np.unique(key, return_index=True)
        if len(first) < len(key):
            first.sort()
            article, impression, key = article[first], impression[first], key[first]
            viewed = None if viewed is None else viewed[first]
        offsets = np.searchsorted(impression, np.arange(len(rows) + 1))
        return Impressions(
            row=rows,
            reader=self._reader[rows],
            second=(self._milliseconds[rows] // 1000).astype(np.uint32),
            offsets=offsets.astype(np.int64),
            article=article.astype(np.uint32),
            clicked=self._clicked(rows, key),
            viewed=viewed,
        )

    def _clicked(self, rows: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each candidate (impression within the batch × articles + article) was clicked."""
        starts = np.searchsorted(self._click_rows, rows, "left")
        ends = np.searchsorted(self._click_rows, rows, "right")
        at = np.repeat(np.arange(len(rows)), ends - starts)
        within = np.arange(len(at)) - np.repeat(np.cumsum(ends - starts) - (ends - starts), ends - starts)
        articles = self._click_articles[np.repeat(starts, ends - starts) + within]
        return np.isin(key, at * len(self.ids) + articles)

    def _read_clicks(self, table: pa.Table, impression_ids: pa.Array) -> Clicks:
        milliseconds = _milliseconds(table["time"])
        impression = self._codes(table["impression"], impression_ids)
        unknown = (impression < 0) & table["impression"].is_valid().to_numpy()
        self.faults.add(
            "a click names an impression that is not in the log; it only counts as history", "", unknown.sum()
        )
        early = (impression >= 0) & (milliseconds < self._milliseconds[impression])
        milliseconds = np.where(early, self._milliseconds[impression], milliseconds)
        self.faults.add("a click is earlier than its impression; it was moved to it", "", int(early.sum()))
        self.faults.add(
            "a click is earlier than the one before it; they were sorted", "", (np.diff(milliseconds) < 0).sum()
        )
        order = np.argsort(milliseconds, kind="stable")
        dwell = table["dwell"].to_numpy() if "dwell" in table.column_names else np.full(len(table), np.nan)
        dwell = np.asarray(dwell, np.float64)
        self.faults.add("a dwell time is negative; it counts as unknown", "", int((dwell < 0).sum()))
        dwell = np.where(dwell < 0, np.nan, dwell)
        clicks = Clicks(
            reader=self._codes(table["reader"], self.readers)[order].astype(np.uint32),
            second=(milliseconds[order] // 1000).astype(np.uint32),
            article=self._codes(table["article"], self._article_ids)[order].astype(np.uint32),
            impression=impression[order],
            dwell=dwell[order],
        )
        by_impression = np.argsort(clicks.impression, kind="stable")
        self._click_rows = clicks.impression[by_impression]
        self._click_articles = clicks.article[by_impression].astype(np.int64)
        return clicks

    def _check_first(self, heads: pa.Table) -> None:
        """Counts what is odd in the impressions: repeated ids, short lists, no click, a click on what was not shown."""
        repeated = heads.num_rows - len(pc.unique(heads["id"]))
        self.faults.add("an impression id was used again; its clicks count for the last of that id", "", repeated)
        empty = single = unclicked = stray = 0
        for piece in _pieces(self._impressions, ["articles"]):
            lists = piece["articles"].combine_chunks()
            lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
            empty += int((lengths == 0).sum())
            single += int((lengths == 1).sum())
        for batch in self.batches(ROWS_READ):
            sums = np.add.reduceat(np.append(batch.clicked, False), batch.offsets[:-1]) if len(batch.row) else batch.row
            sums = np.where(np.diff(batch.offsets) > 0, sums, 0)
            unclicked += int((sums == 0).sum())
            given = np.searchsorted(self._click_rows, batch.row, "right") - np.searchsorted(self._click_rows, batch.row)
            stray += int(given.sum() - batch.clicked.sum())
        self.faults.add("an impression shows nothing; it was passed over", "", empty)
        self.faults.add("an impression shows one article: there is nothing to order", "", single)
        self.faults.add("an impression has no click: it counts for shows, not for quality", "", unclicked)
        self.faults.add("a click on an impression is on an article that it does not show, or repeats one", "", stray)
        if unclicked == self.impressions:
            raise LogError("no impression of the log has a click on an article that it shows")

    def _mentioned(self) -> list[pa.Array]:
        arrays = []
        for piece in _pieces(self._impressions, ["articles"]):
            flat = pc.list_flatten(piece["articles"].combine_chunks())
            arrays.append(pc.unique(flat.cast(pa.string())))
        return arrays

    def _complete(self, name: str) -> bool:
        """Whether the column is there; one that is null in places is a fault and counts as absent."""
        source = self._impressions
        names = source.schema_arrow.names if isinstance(source, pq.ParquetFile) else source.column_names
        if name not in names:
            return False
        nulls = sum(piece[name].null_count for piece in _pieces(source, [name]))
        if 0 < nulls < self.impressions:
            self.faults.add(f"`{name}` is missing in some impressions; the column was left out", "", nulls)
        return nulls == 0

    def _unique(self, table: pa.Table, fault: str) -> pa.Table:
        _, first = np.unique(np.asarray(table["id"].to_pylist(), object).astype(str), return_index=True)
        self.faults.add(fault, "", table.num_rows - len(first))
        return table.take(pa.array(np.sort(first))) if len(first) < table.num_rows else table

    @staticmethod
    def _codes(values: pa.ChunkedArray | pa.Array, of: pa.Array) -> NDArray[np.int64]:
        """The place of each value among `of`; -1 for one that is null or not there."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if isinstance(values, pa.DictionaryArray):
            places = Log._codes(values.dictionary, of)
            indices = values.indices.fill_null(0).to_numpy(zero_copy_only=False)
            valid = values.is_valid().to_numpy(zero_copy_only=False)
            return np.where(valid, places[indices], -1) if len(places) else np.full(len(values), -1, np.int64)
        return pc.index_in(values, of).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _pieces(source: pa.Table | pq.ParquetFile, names: list[str]) -> Iterator[pa.Table]:
    if isinstance(source, pq.ParquetFile):
        for piece in source.iter_batches(ROWS_READ, columns=names):
            yield pa.Table.from_batches([piece])
    else:
        yield source.select(names)


def _read(source: pa.Table | pq.ParquetFile, names: list[str]) -> pa.Table:
    return source.read(names) if isinstance(source, pq.ParquetFile) else source.select(names)


def _require(have: list[str], schema: pa.Schema, path: Path) -> None:
    needed = [name for name in schema.names if name in {"id", "reader", "time", "article", "articles"}]
    missing = [name for name in needed if name not in have]
    if missing:
        raise LogError(f"{path} has no column {', '.join(missing)}")


def _milliseconds(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return column.cast(TIME).cast(pa.int64()).to_numpy()


def _flat(column: pa.ChunkedArray, length: int, default: Any) -> NDArray[Any]:
    flat = pc.list_flatten(column.combine_chunks()).fill_null(default).to_numpy(zero_copy_only=False)
    if len(flat) != length:
        raise LogError("`positions` and `viewed` must have one entry for each of the `articles`")
    return flat


def _columns(table: pa.Table, unknown: int) -> tuple[Articles, list[str], list[str]]:
    def texts(name: str) -> list[str]:
        values = table[name].to_pylist() if name in table.column_names else [None] * table.num_rows
        return [value or "" for value in values] + [""] * unknown

    topics, subtopics = texts("topic"), texts("subtopic")
    total = table.num_rows + unknown
    vectors = np.zeros((total, DIMENSION), np.int8)
    has_vector = np.zeros(total, np.bool_)
    if "vector" in table.column_names:
        column = table["vector"].to_pylist()
        for at, vector in enumerate(column):
            if vector is not None:
                vectors[at] = np.frombuffer(vector, np.int8)
        has_vector[: table.num_rows] = vectors[: table.num_rows].any(axis=1)
    published = np.full(total, np.nan)
    if "published" in table.column_names:
        known = table["published"].is_valid().to_numpy()
        times = table["published"].cast(TIME).cast(pa.int64()).fill_null(0).to_numpy()
        published[: table.num_rows] = np.where(known, times, np.nan)
    names = sorted({topic for topic in topics if topic})
    code = {name: at for at, name in enumerate(names)} | {"": -1}
    pairs = [f"{topic}/{subtopic}" if subtopic else "" for topic, subtopic in zip(topics, subtopics, strict=True)]
    subcode = {name: at for at, name in enumerate(sorted({pair for pair in pairs if pair}))} | {"": -1}
    columns = Articles(
        vectors=vectors,
        has_vector=has_vector,
        topic=np.array([code[topic] for topic in topics], np.int32),
        subtopic=np.array([subcode[pair] for pair in pairs], np.int32),
        published_ms=published,
        topic_names=tuple(names),
    )
    return columns, topics, subtopics
