"""Reads the Microsoft News dataset (MIND, Wu et al. 2020) as a click log.

A folder holds `behaviors.tsv` (impression, user, time, history oldest first, candidates as `ID-1` or `ID-0`) and
`news.tsv` (id, topic, subtopic, title, abstract, ...). Its histories have an order but no times: they are spread evenly
over the four weeks before the reader's first impression, in which MIND collected them. Candidates are shuffled, so
there is no shown order.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from nearside import log as tables
from nearside.encode import encode_cached
from nearside.faults import Faults
from nearside.space import Space, article_text
from nearside.topics import predict_labels

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


def read_mind(folder: Path, space: Space, *, history_days: float = HISTORY_DAYS) -> tables.Tables:
    """The three tables of a MIND folder, its articles encoded in `space` and missing topics predicted."""
    faults = Faults()
    columns = _Columns()
    path = folder / "behaviors.tsv"
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            _read_row(line.rstrip("\n"), f"{path.name} line {number}", history_days, columns, faults)
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


def _read_row(line: str, where: str, history_days: float, columns: _Columns, faults: Faults) -> None:
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
    if known is None:
        columns.histories[reader] = history
        span = history_days * DAY_MS
        for place, article in enumerate(history):
            then = now - int(span * (len(history) - place) / (len(history) + 1))
            columns.clicks.append((reader, then, article, None))
    elif known != history:
        faults.add("a history differs from the reader's first; the first was kept", where)


def _articles(path: Path, space: Space, faults: Faults) -> pa.Table:
    rows: dict[str, tuple[str, str, str, str]] = {}
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                parts = line.rstrip("\n").split("\t")
                where = f"{path.name} line {number}"
                if len(parts) < 5 or not parts[0]:
                    faults.add("an article row without id, topic, subtopic, title and abstract was left out", where)
                elif parts[0] in rows:
                    faults.add("an article was listed again; the first was kept", where)
                else:
                    rows[parts[0]] = (parts[1], parts[2], parts[3], parts[4])
    ids = list(rows)
    texts = [article_text(rows[id_][2], rows[id_][3]) for id_ in ids]
    titled = [at for at, text in enumerate(texts) if text]
    faults.add("an article has no text, so no vector", ids[texts.index("")] if "" in texts else "", texts.count(""))
    vectors = np.zeros((len(ids), 64), np.int8)
    vectors[titled] = encode_cached([texts[at] for at in titled], space)
    labels = [(rows[id_][0], rows[id_][1]) for id_ in ids]
    labels, predicted = fill_labels(vectors, titled, labels)
    first = next((ids[at] for at in predicted), "")
    faults.add("an article has no topic; it was predicted from its nearest neighbours", first, len(predicted))
    known = set(titled)
    return pa.table(
        {
            "id": ids,
            "title": [rows[id_][2] or None for id_ in ids],
            "summary": [rows[id_][3] or None for id_ in ids],
            "topic": [topic or None for topic, _ in labels],
            "subtopic": [subtopic or None for _, subtopic in labels],
            "published": [None] * len(ids),
            "vector": [vectors[at].tobytes() if at in known else None for at in range(len(ids))],
        },
        schema=tables.ARTICLES,
    )


def fill_labels(
    vectors: np.ndarray, titled: list[int], labels: list[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[int]]:
    """Topics for the titled articles that lack one; gives all labels and the places of the predicted."""
    labelled = [at for at in titled if labels[at][0]]
    missing = [at for at in titled if not labels[at][0]]
    if not labelled or not missing:
        return labels, []
    filled = list(labels)
    guesses = predict_labels(vectors[missing], vectors[labelled], [labels[at] for at in labelled])
    for at, guess in zip(missing, guesses, strict=True):
        filled[at] = guess
    return filled, missing
