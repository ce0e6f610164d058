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
from nearside.faults import Faults
from nearside.log.columns import (
    ROWS_READ,
    LogError,
    check_type,
    columns,
    conform,
    flat,
    lengths,
    milliseconds,
    pieces,
    read,
    require,
    sound,
)
from nearside.log.schema import ARTICLES, CLICKS, IMPRESSIONS, VERSION
from nearside.space import Space


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
        heads = read(tables.impressions, ["id", "reader", "time"])
        keep = sound(heads, ["id", "reader", "time"], "an impression", self.faults)
        if not keep.all():
            names = [name for name in IMPRESSIONS.names if name in _names(tables.impressions)]
            self._impressions = read(tables.impressions, names).filter(pa.array(keep))
            heads = heads.filter(pa.array(keep))
        if heads.num_rows == 0:
            raise LogError("the log has no impression")
        articles = tables.articles.filter(pa.array(sound(tables.articles, ["id"], "an article", self.faults)))
        articles = self._unique(articles)
        names = ["reader", "time", "article"]
        clicks = tables.clicks.filter(pa.array(sound(tables.clicks, names, "a click", self.faults)))
        mentioned = pc.unique(pa.chunked_array([*self._mentioned(), *clicks["article"].cast(pa.string()).chunks]))
        mentioned = mentioned.filter(pc.fill_null(pc.not_equal(mentioned, ""), False))
        unknown = mentioned.filter(pc.invert(pc.is_in(mentioned, articles["id"].cast(pa.string()).combine_chunks())))
        first = unknown[0].as_py() if len(unknown) else ""
        self.faults.add("an article is not in the articles table: it has no text, topic or vector", first, len(unknown))
        self.ids: list[str] = articles["id"].to_pylist() + unknown.to_pylist()
        self._article_ids = pa.array(self.ids, pa.string())
        self.articles, self.topics, self.subtopics = columns(articles, len(unknown), self.faults)
        if not self.space and self.articles.has_vector.any():
            self.faults.add("the log names no vector space: its vectors are taken to be of the model's", "log.json")
        chunks = [*heads["reader"].cast(pa.string()).chunks, *clicks["reader"].cast(pa.string()).chunks]
        self.readers = pc.unique(pa.chunked_array(chunks))
        self._reader = self._codes(heads["reader"], self.readers).astype(np.uint32)
        self._milliseconds = milliseconds(heads["time"])
        self.impressions = heads.num_rows
        ids = heads["id"].cast(pa.string()).combine_chunks()
        backwards = np.append(False, np.diff(self._milliseconds) < 0)
        self._sorted = not backwards.any()
        self._count("an impression is earlier than the one before it; they were sorted", backwards, ids)
        self.clicks = self._read_clicks(clicks, ids)
        self._usable = {name for name in ("positions", "viewed") if self._complete(name, ids)}
        self.shown_order = "positions" in self._usable
        self._check(ids)

    def _count(self, reason: str, where: NDArray[np.bool_], ids: pa.Array | None = None) -> None:
        """Counts a fault of rows of a table and names the first: by its id, or by its number from 1."""
        if where.any():
            row = int(where.argmax())
            self.faults.add(reason, f"row {row + 1}" if ids is None else ids[row].as_py(), int(where.sum()))

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
        about = _about(about_file) if about_file.exists() else {"version": VERSION, "source": "?"}
        articles = pq.read_table(folder / "articles.parquet")
        clicks = pq.read_table(folder / "clicks.parquet", read_dictionary=["reader", "article"])
        articles = conform(articles, ARTICLES, folder / "articles.parquet")
        if "impression" not in clicks.column_names:
            raise LogError(
                f"{folder / 'clicks.parquet'} has no column impression: without it nothing tells what was clicked"
            )
        clicks = conform(clicks, CLICKS, folder / "clicks.parquet")
        if clicks.num_rows == 0:
            raise LogError(f"{folder / 'clicks.parquet'} has no click")
        impressions = pq.ParquetFile(folder / "impressions.parquet")
        types = {field.name: field.type for field in impressions.schema_arrow}
        require(list(types), IMPRESSIONS, folder / "impressions.parquet")
        for field in IMPRESSIONS:
            if field.name in types:
                check_type(field, types[field.name], folder / "impressions.parquet")
        return cls(Tables(articles, impressions, clicks, about, Faults()))

    def impression_ids(self) -> pa.Array:
        """The ids, in the order of the impressions table."""
        return read(self._impressions, ["id"])["id"].combine_chunks()

    @property
    def space(self) -> str:
        """The vector space of the articles, `""` where the log does not say."""
        return self.about.get("space") or ""

    def batches(self, size: int = 2048) -> Iterator[Impressions]:
        """The impressions in time order, about `size` at a time."""
        names = ["articles", *sorted(self._usable)]
        if not self._sorted or not isinstance(self._impressions, pq.ParquetFile):
            table = read(self._impressions, names)
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
        article = self._codes(pc.list_flatten(table["articles"].combine_chunks()), self._article_ids)
        impression = np.repeat(np.arange(len(rows)), lengths(table["articles"]))
        viewed = flat(table["viewed"], False) if "viewed" in table.column_names else None
        if "positions" in table.column_names:
            order = np.lexsort((flat(table["positions"], 0), impression))
            article = article[order]
            viewed = None if viewed is None else viewed[order]
        elif not self.shown_order:
            # An order that means nothing, in which clicked articles may come first, must not decide between equals.
            order = np.lexsort((_mixed(article, rows[impression]), impression))
            article = article[order]
            viewed = None if viewed is None else viewed[order]
        named = article >= 0
        article, impression = article[named], impression[named]
        viewed = None if viewed is None else viewed[named]
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
        time = milliseconds(table["time"])
        named = table["impression"] if "impression" in table.column_names else pa.nulls(len(time), pa.string())
        impression = self._codes(named, impression_ids)
        unknown = (impression < 0) & named.is_valid().to_numpy(zero_copy_only=False)
        reader = self._codes(table["reader"], self.readers)
        foreign = (impression >= 0) & (self._reader[impression] != reader)
        self._count("a click names another reader's impression; it only counts as history", foreign, named)
        impression = np.where(foreign, -1, impression)
        self._count("a click names an impression that is not in the log; it only counts as history", unknown, named)
        early = (impression >= 0) & (time < self._milliseconds[impression])
        self._count("a click is earlier than its impression; it was moved to it", early, named)
        time = np.where(early, self._milliseconds[impression], time)
        backwards = np.append(False, np.diff(time) < 0)[: len(time)]
        self._count("a click is earlier than the one before it; they were sorted", backwards)
        order = np.argsort(time, kind="stable")
        dwell = table["dwell"].to_numpy() if "dwell" in table.column_names else np.full(len(table), np.nan)
        dwell = np.asarray(dwell, np.float64)
        self._count("a dwell time is negative; it counts as unknown", dwell < 0)
        dwell = np.where(dwell < 0, np.nan, dwell)
        clicks = Clicks(
            reader=reader[order].astype(np.uint32),
            second=(time[order] // 1000).astype(np.uint32),
            article=self._codes(table["article"], self._article_ids)[order].astype(np.uint32),
            impression=impression[order],
            dwell=dwell[order],
        )
        by_impression = np.argsort(clicks.impression, kind="stable")
        self._click_rows = clicks.impression[by_impression]
        self._click_articles = clicks.article[by_impression].astype(np.int64)
        return clicks

    def _check(self, ids: pa.Array) -> None:
        """Counts what is odd in impressions: repeated ids or articles, short lists, clicks that do not fit."""
        again = np.ones(len(ids), np.bool_)
        again[np.unique(self._codes(ids, ids), return_index=True)[1]] = False
        self._count("an impression id was used again; its clicks count for the first of that id", again, ids)
        listed, named = (np.zeros(self.impressions, np.int64) for _ in range(2))
        start = 0
        for piece in pieces(self._impressions, ["articles"]):
            here = lengths(piece["articles"])
            known = self._codes(pc.list_flatten(piece["articles"].combine_chunks()), self._article_ids) >= 0
            rows = slice(start, start + len(here))
            listed[rows] = here
            named[rows] = np.bincount(np.repeat(np.arange(len(here)), here), known, len(here)).astype(np.int64)
            start += len(here)
        shown, clicked, given = (np.zeros(self.impressions, np.int64) for _ in range(3))
        for batch in self.batches(ROWS_READ):
            shown[batch.row] = np.diff(batch.offsets)
            impression = np.repeat(np.arange(len(batch.row)), np.diff(batch.offsets))
            clicked[batch.row] = np.bincount(impression, batch.clicked, len(batch.row)).astype(np.int64)
            right = np.searchsorted(self._click_rows, batch.row, "right")
            given[batch.row] = right - np.searchsorted(self._click_rows, batch.row)
        self._count("an impression has an article without a name; it was left out", named < listed, ids)
        self._count("an impression shows an article twice; its first place counts", shown < named, ids)
        self._count("an impression shows nothing; it was passed over", shown == 0, ids)
        self._count("an impression shows one article: there is nothing to order", shown == 1, ids)
        self._count("an impression has no click: it counts for shows, not for quality", clicked == 0, ids)
        self._count("an impression was clicked on an article that it does not show, or twice", given > clicked, ids)
        if not clicked.any():
            raise LogError("no impression of the log has a click on an article that it shows")

    def _mentioned(self) -> list[pa.Array]:
        arrays = []
        for piece in pieces(self._impressions, ["articles"]):
            arrays.append(pc.unique(pc.list_flatten(piece["articles"].combine_chunks()).cast(pa.string())))
        return arrays

    def _complete(self, name: str, ids: pa.Array) -> bool:
        """Whether the column is there and fits the articles; where it does not in places, that is a fault."""
        if name not in _names(self._impressions):
            return False
        null, unfit = (np.zeros(0, np.bool_) for _ in range(2))
        for piece in pieces(self._impressions, [name, "articles"]):
            null = np.append(null, ~piece[name].is_valid().to_numpy())
            unfit = np.append(unfit, lengths(piece[name]) != lengths(piece["articles"]))
        unfit |= null
        if not null.all():
            self._count(f"`{name}` does not fit the articles of an impression; the column was left out", unfit, ids)
        return not unfit.any()

    def _unique(self, table: pa.Table) -> pa.Table:
        ids = table["id"].cast(pa.string()).combine_chunks()
        again = np.ones(len(ids), np.bool_)
        again[np.unique(self._codes(ids, ids), return_index=True)[1]] = False
        self._count("an article was listed again; the first was kept", again, ids)
        return table.filter(pa.array(~again)) if again.any() else table

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


def _mixed(article: NDArray[np.int64], impression: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of both numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    mixed = article.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + impression.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _names(source: pa.Table | pq.ParquetFile) -> list[str]:
    return source.schema_arrow.names if isinstance(source, pq.ParquetFile) else source.column_names


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise LogError(f"{path} is no JSON: {error}") from error
    if not isinstance(about, dict) or about.get("version") != VERSION:
        raise LogError(f"{path} is not of version {VERSION}")
    return about
