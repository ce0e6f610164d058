"""The columns of a log's tables as arrays; what in them cannot be used is counted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nearside.arrow import compute as pc
from nearside.articles import Articles
from nearside.faults import Faults
from nearside.log.schema import TIME
from nearside.space import DIMENSION

ROWS_READ = 16_384  # impressions read at once
LAST = 2**32 * 1000  # milliseconds since 1970: behind what the crate can count in seconds


class LogError(ValueError):
    """A log that cannot be used at all; one sentence."""


def pieces(source: pa.Table | pq.ParquetFile, names: list[str]) -> Iterator[pa.Table]:
    """The table in pieces that memory holds easily."""
    if isinstance(source, pq.ParquetFile):
        for piece in source.iter_batches(ROWS_READ, columns=names):
            yield pa.Table.from_batches([piece])
    else:
        yield source.select(names)


def read(source: pa.Table | pq.ParquetFile, names: list[str]) -> pa.Table:
    """Some columns of the table."""
    return source.read(names) if isinstance(source, pq.ParquetFile) else source.select(names)


def require(have: list[str], schema: pa.Schema, path: Any) -> None:
    """Refuses a table without a column that the schema needs."""
    missing = [field.name for field in schema if not field.nullable and field.name not in have]
    if missing:
        raise LogError(f"{path} has no column {', '.join(missing)}")


def conform(table: pa.Table, schema: pa.Schema, path: Any) -> pa.Table:
    """The table with the schema's columns in the schema's types; finer times are cut to milliseconds."""
    require(table.column_names, schema, path)
    for field in schema:
        if field.name not in table.column_names:
            continue
        column = table[field.name]
        check_type(field, column.type, path)
        if field.name == "vector" or pa.types.is_dictionary(column.type):
            continue  # vectors of another length are counted one by one; dictionaries serve as they are
        try:
            converted = column.cast(field.type, safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            raise LogError(f"{path}: the column {field.name} is {column.type}, not {field.type}") from error
        table = table.set_column(table.column_names.index(field.name), field.name, converted)
    return table


def check_type(field: pa.Field, found: pa.DataType, path: Any) -> None:
    """Refuses a type that cannot stand for the field's: a number for a time, anything but a list for a list."""
    kinds = {
        "time": pa.types.is_timestamp,
        "published": lambda kind: pa.types.is_timestamp(kind) or pa.types.is_null(kind),
        "articles": lambda kind: _is_list(kind) and _is_text(kind.value_type),
        "positions": lambda kind: _is_list(kind) or pa.types.is_null(kind),
        "viewed": lambda kind: _is_list(kind) or pa.types.is_null(kind),
        "vector": lambda kind: any(test(kind) for test in BINARY),
    }
    if field.name in kinds and not kinds[field.name](found):
        raise LogError(f"{path}: the column {field.name} is {found}, not {field.type}")


BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_null)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)


def sound(table: pa.Table, names: list[str], what: str, faults: Faults) -> NDArray[np.bool_]:
    """The rows in which none of the columns is null, an empty text or a time that does not exist."""
    keep = np.ones(table.num_rows, np.bool_)
    for name in names:
        column = table[name]
        if pa.types.is_timestamp(column.type) or pa.types.is_integer(column.type):
            time = column.cast(TIME, safe=False).cast(pa.int64()).fill_null(-1).to_numpy()
            keep &= (time >= 0) & (time < LAST)
        else:
            keep &= pc.fill_null(pc.not_equal(column.cast(pa.string()), ""), False).to_numpy()
    out = np.flatnonzero(~keep)
    first = f"row {out[0] + 1}" if len(out) else ""
    faults.add(f"{what} without {' or '.join(names)} was left out", first, len(out))
    return keep


def milliseconds(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Times as milliseconds since 1970."""
    return column.cast(TIME, safe=False).cast(pa.int64()).to_numpy()


def flat(column: pa.ChunkedArray, default: Any) -> NDArray[Any]:
    """The entries of lists one after another, nulls as `default`."""
    return pc.list_flatten(column.combine_chunks()).fill_null(default).to_numpy(zero_copy_only=False)


def lengths(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """How long each list is; 0 for null."""
    return (
        pc.fill_null(pc.list_value_length(column.combine_chunks()), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    )


def columns(table: pa.Table, unknown: int, faults: Faults) -> tuple[Articles, list[str], list[str]]:
    """The articles, those of the table before `unknown` others, with their topics and subtopics as texts."""

    def texts(name: str) -> list[str]:
        values = table[name].to_pylist() if name in table.column_names else [None] * table.num_rows
        return [value or "" for value in values] + [""] * unknown

    topics, subtopics = texts("topic"), texts("subtopic")
    total = table.num_rows + unknown
    vectors = np.zeros((total, DIMENSION), np.int8)
    has_vector = np.zeros(total, np.bool_)
    if "vector" in table.column_names:
        odd = []
        for at, vector in enumerate(table["vector"].to_pylist()):
            if vector is not None and len(vector) == DIMENSION:
                vectors[at] = np.frombuffer(vector, np.int8)
            elif vector is not None:
                odd.append(table["id"][at].as_py())
        faults.add(f"a vector has not {DIMENSION} bytes; it counts as none", odd[0] if odd else "", len(odd))
        has_vector[: table.num_rows] = vectors[: table.num_rows].any(axis=1)
    for reason, lacks in (
        ("an article has no vector: it gets no personal part", ~has_vector[: table.num_rows]),
        (
            "an article has no topic: it gets no personal part",
            np.array([not text for text in topics[: table.num_rows]]),
        ),
    ):
        if lacks.any():
            faults.add(reason, table["id"][int(lacks.argmax())].as_py(), int(lacks.sum()))
    published = np.full(total, np.nan)
    if "published" in table.column_names:
        known = table["published"].is_valid().to_numpy()
        times = table["published"].cast(TIME, safe=False).cast(pa.int64()).fill_null(0).to_numpy()
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
