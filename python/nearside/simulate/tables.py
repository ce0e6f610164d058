"""From arrays to the tables of a log, and the truth beside them."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..log import CLICKS, TIME, VECTOR, LogWriter
from .articles import Articles, World
from .page import Pages
from .parameters import Parameters
from .readers import Readers

BEGIN = 1_767_571_200_000  # 2026-01-05, a Monday, 00:00 UTC, in milliseconds since 1970
GROUP = 20_000  # impressions a row group

TRUTH = pa.schema(
    [
        pa.field("impression", pa.string(), nullable=False),
        pa.field("chance", pa.list_(pa.float32()), nullable=False),  # of a click on each shown article, if looked at
        pa.field("examined", pa.list_(pa.bool_()), nullable=False),
        pa.field("taste", pa.list_(pa.float32()), nullable=False),  # the personal part of the log-odds of that chance
    ]
)
INTERESTS = pa.schema(
    [
        pa.field("reader", pa.string(), nullable=False),
        pa.field("strength", pa.float32(), nullable=False),  # factor on every taste below
        pa.field("eagerness", pa.float32(), nullable=False),
        pa.field("topics", pa.list_(pa.float32()), nullable=False),  # taste for each topic at the log's begin
        pa.field("subtopics", pa.list_(pa.string()), nullable=False),  # those liked
        pa.field("subtopic_tastes", pa.list_(pa.float32()), nullable=False),
        pa.field("themes", pa.list_(pa.int32()), nullable=False),  # those followed
        pa.field("theme_tastes", pa.list_(pa.float32()), nullable=False),
    ]
)


def numbered(prefix: str, numbers: NDArray[np.integer], digits: int) -> pa.Array:
    """Identifiers such as `a000017`."""
    return pa.array([f"{prefix}{number:0{digits}d}" for number in numbers.tolist()], pa.string())


def named(prefix: str, numbers: NDArray[np.integer], digits: int) -> pa.Array:
    """The same where numbers repeat: each is spelt once."""
    distinct, index = np.unique(numbers, return_inverse=True)
    return numbered(prefix, distinct, digits).take(pa.array(index))


def article_names(numbers: NDArray[np.integer]) -> pa.Array:
    return named("a", numbers, 6)


def reader_names(numbers: NDArray[np.integer]) -> pa.Array:
    return named("r", numbers, 6)


def topic_names(world: World) -> tuple[list[str], list[str]]:
    """Names of the topics and of the subtopics."""
    topics = [f"topic-{topic:02d}" for topic in range(len(world.topic_level))]
    return topics, [f"{topics[topic]}-{number:03d}" for number, topic in enumerate(world.subtopic_topic)]


def write_articles(log: LogWriter, articles: Articles, world: World) -> None:
    """Writes the articles, those from before the log included."""
    topics, subtopics = topic_names(world)
    count = len(articles.published)
    theme, kind = articles.theme.tolist(), articles.subtopic.tolist()
    titles = [f"Story {row} of theme {theme[row]} in {subtopics[kind[row]]}" for row in range(count)]
    log.write(
        "articles",
        {
            "id": numbered("a", np.arange(count), 6),
            "title": pa.array(titles),
            "topic": pa.array(topics).take(pa.array(articles.topic)),
            "subtopic": pa.array(subtopics).take(pa.array(articles.subtopic)),
            "published": pa.array(BEGIN + (articles.published * 1000).astype(np.int64), TIME),
            "vector": pa.FixedSizeBinaryArray.from_buffers(
                VECTOR, count, [None, pa.py_buffer(np.ascontiguousarray(articles.vector).tobytes())]
            ),
        },
    )


def write_readers(log: LogWriter, readers: Readers, world: World) -> None:
    """Writes what readers like."""
    _, subtopics = topic_names(world)

    def rows(values: NDArray[np.generic]) -> pa.Array:
        flat = pa.array(values.ravel())
        return pa.ListArray.from_arrays(offsets_of(np.full(len(values), values.shape[1])), flat)

    for start in range(0, len(readers.strength), GROUP):
        part = slice(start, start + GROUP)
        liked = readers.liked[part]
        log.write(
            "readers",
            {
                "reader": numbered("r", np.arange(start, start + len(liked)), 6),
                "strength": pa.array(readers.strength[part]),
                "eagerness": pa.array(readers.eagerness[part]),
                "topics": rows(readers.topic_taste[part, 0]),
                "subtopics": pa.ListArray.from_arrays(
                    offsets_of(np.full(len(liked), liked.shape[1])),
                    pa.array(subtopics).take(pa.array(liked.ravel())),
                ),
                "subtopic_tastes": rows(readers.liked_taste[part]),
                "themes": rows(readers.point[part]),
                "theme_tastes": rows(readers.point_taste[part]),
            },
        )


def offsets_of(count: NDArray[np.integer]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(count)]).astype(np.int32))


@dataclass
class Sink:
    """Collects the pages of slices and writes them in row groups, sorted by time."""

    log: LogWriter
    candidates: int
    parameters: Parameters
    rng: np.random.Generator
    written: int = field(default=0, init=False)  # impressions
    _held: list[Pages] = field(default_factory=list, init=False)
    _rows: int = field(default=0, init=False)
    _late: pa.Table | None = field(default=None, init=False)  # clicks that may come after those of the next group

    def add(self, pages: list[Pages]) -> None:
        """Takes the pages of one slice; slices come in order of time."""
        self._held.extend(pages)
        self._rows += sum(len(page.reader) for page in pages)
        if self._rows >= GROUP:
            self.flush()

    def flush(self, last: bool = False) -> None:
        """Writes what is held. At the `last` time also the clicks that were held back."""
        if self._held:
            self._write()
        if last and self._late is not None:
            self._write_clicks(self._late)
            self._late = None

    def _write(self) -> None:
        def joined(name: str) -> NDArray:
            parts = [getattr(page, name) for page in self._held]
            if parts[0].ndim == 2:
                wide = [np.pad(part, ((0, 0), (0, self.candidates - part.shape[1]))) for part in parts]
                return np.concatenate(wide)[order]
            return np.concatenate(parts)[order]

        millisecond = np.concatenate([page.millisecond for page in self._held])
        order = np.lexsort((np.concatenate([page.reader for page in self._held]), millisecond))
        millisecond = millisecond[order]
        reader, count, shown = joined("reader"), joined("count"), joined("shown")
        examined, clicked, chance, taste = joined("examined"), joined("clicked"), joined("chance"), joined("taste")
        self._held, self._rows = [], 0

        present = np.arange(self.candidates) < count[:, None]
        offsets = offsets_of(count)
        position = np.broadcast_to(np.arange(self.candidates, dtype=np.int32), present.shape)[present]
        ids = numbered("i", np.arange(self.written, self.written + len(reader)), 8)
        seen = pa.ListArray.from_arrays(offsets, pa.array(examined[present]))
        self.log.write(
            "impressions",
            {
                "id": ids,
                "reader": reader_names(reader),
                "time": pa.array(BEGIN + millisecond, TIME),
                "articles": pa.ListArray.from_arrays(offsets, article_names(shown[present])),
                "positions": pa.ListArray.from_arrays(offsets, pa.array(position)),
                "viewed": seen,
            },
        )
        self.log.write(
            "truth",
            {
                "impression": ids,
                "chance": pa.ListArray.from_arrays(offsets, pa.array(chance[present])),
                "examined": seen,
                "taste": pa.ListArray.from_arrays(offsets, pa.array(taste[present])),
            },
        )
        self._clicks(millisecond, reader, shown, clicked, taste)
        self.written += len(reader)

    def _clicks(
        self,
        millisecond: NDArray[np.int64],
        reader: NDArray[np.int64],
        shown: NDArray[np.int64],
        clicked: NDArray[np.bool_],
        taste: NDArray[np.float32],
    ) -> None:
        row, column = np.nonzero(clicked)
        # From 3 to 58 seconds after the page, down the page; the reader's next page is at least a minute later.
        later = 3000 + 55_000 * (column + self.rng.random(len(row))) / self.candidates
        time = millisecond[row] + later.astype(np.int64)
        order = np.lexsort((row, time))
        row, column, time = row[order], column[order], time[order]
        batch = pa.table(
            {
                "reader": reader[row],
                "time": time,
                "article": shown[row, column],
                "impression": self.written + row,
                "dwell": self._dwell(taste[row, column]),
            }
        )
        if self._late is not None:
            batch = pa.concat_tables([self._late, batch]).sort_by([("time", "ascending"), ("impression", "ascending")])
        bound = np.searchsorted(batch["time"].to_numpy(), millisecond[-1], "right")
        self._write_clicks(batch.slice(0, int(bound)))
        self._late = batch.slice(int(bound))

    def _dwell(self, taste: NDArray[np.float32]) -> pa.Array:
        parameters, rng = self.parameters, self.rng
        # At the strongest tastes nobody reads for hours.
        factor = np.exp(
            parameters.dwell_taste * np.clip(taste, -3, 3) + parameters.dwell_spread * rng.standard_normal(len(taste))
        )
        bounced = rng.random(len(taste)) < 1 / (1 + np.exp(np.clip(taste, -30, 30) - parameters.bounce))
        dwell = np.where(bounced, parameters.bounce_median, parameters.dwell_median) * factor
        return pa.array(dwell.astype(np.float32), mask=rng.random(len(taste)) < parameters.dwell_missing)

    def _write_clicks(self, table: pa.Table) -> None:
        impression = table["impression"].to_numpy()
        self.log.write(
            "clicks",
            {
                "reader": reader_names(table["reader"].to_numpy()),
                "time": pa.array(BEGIN + table["time"].to_numpy(), TIME),
                "article": article_names(table["article"].to_numpy()),
                "impression": numbered("i", impression, 8),
                "dwell": table["dwell"].combine_chunks().cast(CLICKS.field("dwell").type),
            },
        )
