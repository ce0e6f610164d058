"""Reads the Microsoft News dataset (MIND, Wu et al. 2020) as a click log.

A folder holds `behaviors.tsv` (impression, user, time, history oldest first, candidates as `ID-1` or `ID-0`) and
`news.tsv` (id, topic, subtopic, title, abstract, ...). Its histories have an order but no times: they are spread evenly
over the four weeks before the reader's first impression, in which MIND collected them. Candidates are shuffled, so
there is no shown order.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from nearside import log as tables
from nearside.article_table import encode_articles, read_mind_news
from nearside.encode import encode_cached
from nearside.faults import Faults
from nearside.space import Space

HISTORY_DAYS = 28.0
DAY_MS = 86_400_000


def is_mind(folder: Path) -> bool:
    """Whether a folder looks like MIND's."""
    return (folder / "behaviors.tsv").is_file()


@dataclass
class _Columns:
    """The tables as they grow; times in milliseconds since 1970."""

    impression: dict[str, None] = field(default_factory=dict)  # ids, in the order of the file
    reader: list[str] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    shown: list[list[str]] = field(default_factory=list)
    clicks: list[tuple[str, int, str, str | None]] = field(default_factory=list)
    histories: dict[str, list[str]] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)  # time of each reader's first impression


def read_mind(folder: Path, space: Space, *, history_days: float = HISTORY_DAYS) -> tables.Tables:
    """The three tables of a MIND folder, its articles encoded in `space` and missing topics predicted."""
    faults = Faults()
    columns = _Columns()
    path = folder / "behaviors.tsv"
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            _read_row(line.rstrip("\n"), f"{path.name} line {number}", columns, faults)
    for reader, history in columns.histories.items():
        for place, article in enumerate(history):
            before = history_days * DAY_MS * (len(history) - place) / (len(history) + 1)
            columns.clicks.append((reader, columns.first[reader] - int(before), article, None))
    articles = _articles(folder / "news.tsv", space, faults)
    impressions = pa.table(
        {"id": list(columns.impression), "reader": columns.reader, "time": columns.time, "articles": columns.shown},
        schema=pa.schema([tables.IMPRESSIONS.field(name) for name in ("id", "reader", "time", "articles")]),
    )
    clicks = sorted(columns.clicks, key=lambda click: click[1])
    names = ("reader", "time", "article", "impression")
    values = {name: [click[at] for click in clicks] for at, name in enumerate(names)}
    values["dwell"] = [None] * len(clicks)
    about = {"version": 1, "space": space.name, "source": f"mind/{folder.name}"}
    return tables.Tables(articles, impressions, pa.table(values, schema=tables.CLICKS), about, faults)


def _read_row(line: str, where: str, columns: _Columns, faults: Faults) -> None:
    parts = line.split("\t")
    if len(parts) != 5:
        faults.add("a row without five fields was left out", where)
        return
    number, reader, moment, history_text, shown_text = parts
    try:
        time = datetime.strptime(moment, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC)
    except ValueError:
        faults.add("a row without a readable time was left out", where)
        return
    marks = [mark.rpartition("-") for mark in shown_text.split()]
    sound = [(article, label) for article, _, label in marks if article and label in ("0", "1")]
    faults.add("a candidate without a label 0 or 1 was left out", where, len(marks) - len(sound))
    now = int(time.timestamp()) * 1000
    if number in columns.impression:
        faults.add("an impression id was used again; its line was added to it", where)
        number = f"{number}, {where}"
    columns.impression[number] = None
    columns.reader.append(reader)
    columns.time.append(now)
    columns.shown.append([article for article, _ in sound])
    columns.clicks += [(reader, now, article, number) for article, label in sound if label == "1"]
    history = history_text.split()
    known = columns.histories.get(reader)
    columns.first[reader] = min(columns.first.get(reader, now), now)
    if known is None:
        columns.histories[reader] = history
    elif known != history:
        faults.add("a history differs from the reader's first; the first was kept", where)


def _articles(path: Path, space: Space, faults: Faults) -> pa.Table:
    if not path.exists():
        return tables.ARTICLES.empty_table()
    read = read_mind_news(path, faults)
    encoded = encode_articles(read, lambda texts: encode_cached(texts, space), faults)
    return encoded.select(tables.ARTICLES.names)
