"""Articles from a file of a site's own to the articles table of a log, with vectors and topics.

Read are Parquet, TSV and CSV with the columns id and title and, if they are there, summary, topic, subtopic, published
and predicted; and MIND's `news.tsv`, which has no heading. A topic that `predicted` marks counts as missing.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nearside.encode import check_encoder, encode_texts
from nearside.encoder import TextEncoder
from nearside.faults import Faults
from nearside.files import write_whole
from nearside.log.schema import ABOUT, ARTICLES, TIME, VERSION
from nearside.space import Space, article_text
from nearside.topics import fill_labels

ENCODED = ARTICLES.append(pa.field("predicted", pa.bool_()))  # topic and subtopic are from the nearest neighbours
MIND_NEWS = "news.tsv"
MIND_FIELDS = ("id", "topic", "subtopic", "title", "summary")  # of each row the first five
TEXTS = ("id", "title", "summary", "topic", "subtopic")
FIELDS = (*TEXTS, "published", "predicted")
LONGEST_FIELD = 1 << 20  # characters; what is longer is a quotation mark that was never closed

Row = dict[str, Any]


def encode_file(path: Path, output: Path, encoder: TextEncoder, space: Space, faults: Faults) -> str:
    """Reads articles and writes them with vectors: `output` is a `.parquet` file, or the directory of a log.

    `log.json` beside it names the space; of one that is there, only that is changed. Returns one sentence.
    """
    check_encoder(encoder, space, faults)
    table = read_articles(path, faults)
    table = encode_articles(table, lambda texts: encode_texts(texts, encoder, space), faults)
    if table["vector"].null_count == table.num_rows:
        raise ValueError(f"{path}: no article can be encoded")
    file = output if output.suffix == ".parquet" else output / "articles.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    about_file = file.parent / ABOUT
    about = json.loads(about_file.read_text("utf-8")) if about_file.exists() else {"version": VERSION}
    if not isinstance(about, dict):
        raise ValueError(f"{about_file} is no log.json")
    about = {**about, "space": space.name, "source": about.get("source") or path.name}
    write_whole(file, lambda unfinished: pq.write_table(table, unfinished, compression="zstd"))
    write_whole(about_file, lambda unfinished: unfinished.write_text(json.dumps(about, indent=2) + "\n", "utf-8"))
    predicted = int(np.sum(table["predicted"].to_numpy()))
    return f"{file}: {table.num_rows:,} articles in the space {space.name}; {predicted:,} topics predicted"


def read_articles(path: Path, faults: Faults) -> pa.Table:
    """The articles of a file as `ENCODED`, without vectors; `predicted` is false where a topic is the site's own.

    Raises ValueError where the file has no articles.
    """
    if path.suffix == ".parquet":
        rows = _parquet_rows(path, faults)
    elif path.suffix in (".tsv", ".csv"):
        rows = _text_rows(path, faults)
    else:
        raise ValueError(f"{path}: articles are a .json feed, or a .parquet, .tsv or .csv table")
    return _table(list(_sound(rows, faults)))


def encode_articles(
    table: pa.Table, vectors_of: Callable[[Sequence[str]], NDArray[np.int8]], faults: Faults
) -> pa.Table:
    """Gives every article with a title its vector, and those without a topic that of their nearest neighbours."""
    ids, titles, summaries = (table[name].to_pylist() for name in ("id", "title", "summary"))
    titled = [at for at, title in enumerate(titles) if title]
    first = next((ids[at] for at, title in enumerate(titles) if not title), "")
    faults.add("an article has no text, so no vector", first, len(ids) - len(titled))
    vectors = np.zeros((len(ids), ENCODED.field("vector").type.byte_width), np.int8)
    vectors[titled] = vectors_of([article_text(titles[at], summaries[at] or "") for at in titled])
    encoded = [at for at in titled if vectors[at].any()]
    lost = sorted(set(titled) - set(encoded))
    faults.add("the encoder gives a text no direction, so it has no vector", ids[lost[0]] if lost else "", len(lost))
    given = list(zip(table["topic"].to_pylist(), table["subtopic"].to_pylist(), strict=True))
    labels, predicted = fill_labels(vectors, encoded, [(topic or "", subtopic or "") for topic, subtopic in given])
    first = ids[predicted[0]] if predicted else ""
    faults.add("an article has no topic; it was predicted from its nearest neighbours", first, len(predicted))
    bare = [at for at, (topic, _) in enumerate(labels) if not topic]
    faults.add("an article has no topic, and none could be predicted", ids[bare[0]] if bare else "", len(bare))
    marks, known = np.zeros(len(ids), np.bool_), set(encoded)
    marks[predicted] = True
    columns = {
        **{name: table[name] for name in ("id", "title", "summary", "published")},
        "topic": [topic or None for topic, _ in labels],
        "subtopic": [subtopic or None for _, subtopic in labels],
        "vector": [vectors[at].tobytes() if at in known else None for at in range(len(ids))],
        "predicted": marks,
    }
    return pa.table({name: columns[name] for name in ENCODED.names}, schema=ENCODED)


def read_mind_news(path: Path, faults: Faults) -> pa.Table:
    """The articles of MIND's `news.tsv`."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return _table(list(_sound(_mind_rows(_tsv(file), path.name, faults), faults)))


def _table(rows: list[Row]) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in ENCODED.names}
    columns["predicted"] = [False] * len(rows)
    return pa.table(columns, schema=ENCODED)


def _sound(rows: Iterator[tuple[str, Row]], faults: Faults) -> Iterator[Row]:
    """Rows with an id of their own, their texts trimmed and their times read."""
    seen: set[str] = set()
    for where, given in rows:
        row: Row = {name: (given.get(name) or "").strip() or None for name in TEXTS}
        if row["id"] is None:
            faults.add("an article has no id; it was left out", where)
            continue
        if row["id"] in seen:
            faults.add("an article was listed again; the first was kept", where)
            continue
        seen.add(row["id"])
        if any("\ufffd" in value for value in row.values() if value):
            faults.add("an article has characters that were lost before it came here (U+FFFD, or no UTF-8)", where)
        if given.get("predicted") in (True, "true", "True", "1"):
            row["topic"] = row["subtopic"] = None
        elif row["subtopic"] and not row["topic"]:
            faults.add("an article has a subtopic without a topic; it was left out", where)
            row["subtopic"] = None
        published = given.get("published")
        try:
            row["published"] = read_time(published) if isinstance(published, str) else published
        except ValueError:
            faults.add("a date is not in ISO 8601; it was left out", where)
        yield row


def read_time(text: str) -> datetime | None:
    """A date or time in ISO 8601; without a zone it is UTC. `None` for an empty text."""
    if not text.strip():
        return None
    time = datetime.fromisoformat(text.strip())
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _parquet_rows(path: Path, faults: Faults) -> Iterator[tuple[str, Row]]:
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from error
    _check_heading(path, table.column_names, faults)
    columns: dict[str, list[Any]] = {}
    for name in FIELDS:
        if name in table.column_names:
            kind = TIME if name == "published" else pa.bool_() if name == "predicted" else pa.string()
            text_time = name == "published" and pa.types.is_string(table.schema.field(name).type)
            try:
                columns[name] = (table[name] if text_time else table[name].cast(kind)).to_pylist()
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise ValueError(f"{path}: `{name}` cannot be read as {kind}: {error}") from error
    for at in range(table.num_rows):
        yield f"row {at + 1}", {name: values[at] for name, values in columns.items()}


def _text_rows(path: Path, faults: Faults) -> Iterator[tuple[str, Row]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="" if path.suffix == ".csv" else None) as file:
        rows = _csv(file, path.name, faults) if path.suffix == ".csv" else _tsv(file)
        number, heading = next(rows, (1, []))
        names = [name.strip().lower() for name in heading]
        if path.name == MIND_NEWS and "id" not in names:
            file.seek(0)
            yield from _mind_rows(_tsv(file), path.name, faults)
            return
        _check_heading(path, names, faults)
        for number, fields in rows:
            where = f"{path.name} line {number}"
            if len(fields) != len(names):
                faults.add("a row has not as many fields as the heading; it was left out", where)
            else:
                yield where, dict(zip(names, fields, strict=True))


def _mind_rows(rows: Iterator[tuple[int, list[str]]], name: str, faults: Faults) -> Iterator[tuple[str, Row]]:
    for number, fields in rows:
        where = f"{name} line {number}"
        if len(fields) < len(MIND_FIELDS):
            faults.add("an article row without id, topic, subtopic, title and abstract was left out", where)
        else:
            yield where, dict(zip(MIND_FIELDS, fields, strict=False))


def _check_heading(path: Path, names: Sequence[str], faults: Faults) -> None:
    missing = [name for name in ("id", "title") if name not in names]
    if missing:
        raise ValueError(f"{path} has no column {' and no column '.join(missing)}; it has {', '.join(names) or 'none'}")
    twice = [name for name in FIELDS if names.count(name) > 1] if isinstance(names, list) else []
    if twice:
        raise ValueError(f"{path} has the column {twice[0]} twice")
    unknown = [name for name in names if name not in (*FIELDS, "vector")]
    faults.add("a column is not one of an articles table; it was left out", next(iter(unknown), ""), len(unknown))


def _tsv(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Lines split at tabs; quotation marks are text. Empty lines are passed over."""
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, line.rstrip("\n").split("\t")


def _csv(file: TextIO, name: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Records of RFC 4180 and the line each begins at."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(file, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            rest = "" if reader.line_num == number else f" to line {reader.line_num}"
            faults.add(f"a row is no CSV ({error}); it was left out", f"{name} line {number}{rest}")
            continue
        if fields:
            yield number, fields
