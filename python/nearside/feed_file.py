"""A JSON Feed's file: read as leniently as it can be told what was meant, written so that every browser can read it.

JSON has no `NaN`, and half a surrogate pair is no character: Python reads and writes both, a browser refuses the whole
feed for one. What is changed for that is counted by reason. No message holds anything of the feed but a place in it.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from nearside.faults import Faults
from nearside.files import write_whole

HALF = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"
LONGEST_NUMBER = 400  # digits; a browser takes a number from 309 digits on for Infinity
DEEPEST = 64  # objects and lists in one another


class FeedError(ValueError):
    """A file that is no feed; one sentence."""


def read_feed(path: Path, faults: Faults) -> dict[str, Any]:
    """A JSON Feed, with nothing in it that a browser could not read. Raises `FeedError` for what is none."""
    try:
        feed = _mended(_parsed(path, faults), faults)
    except RecursionError as error:
        raise FeedError(f"{path} is no JSON Feed: more than {DEEPEST} objects and lists are nested") from error
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise FeedError(f"{path} is no JSON Feed: it has no list of items")
    return feed


def write_feed(path: Path, feed: dict[str, Any]) -> None:
    """Writes a feed with two spaces of indent, whole or not at all."""
    text = json.dumps(feed, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, lambda unfinished: unfinished.write_bytes(text.encode()))


def _parsed(path: Path, faults: Faults) -> Any:
    data = path.read_bytes()
    try:
        encoding = json.detect_encoding(data)  # UTF-8, UTF-16 or UTF-32, with a mark or without
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FeedError(f"{path} is no JSON: byte {error.start} is not {error.encoding.upper()}") from error
    try:
        return json.loads(text, parse_int=_whole)
    except json.JSONDecodeError as strict:
        try:
            feed = json.loads(text, parse_int=_whole, strict=False)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno} column {error.colno}"
            raise FeedError(f"{path} is no JSON: {error.msg}: {where}") from error
        faults.add(
            "a text has a line break or another control character that JSON escapes; it was escaped",
            f"line {strict.lineno}",
        )
        return feed


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else math.inf


def _mended(value: Any, faults: Faults, depth: int = 0) -> Any:
    """The value with null for each number that JSON lacks and U+FFFD for each half of a surrogate pair."""
    if depth > DEEPEST:
        raise RecursionError
    if isinstance(value, str):
        whole, halves = HALF.subn(REPLACEMENT, value)
        faults.add("half a surrogate pair, of a character that was cut in two, became U+FFFD", count=halves)
        return whole
    if isinstance(value, dict):
        return {_mended(name, faults): _mended(member, faults, depth + 1) for name, member in value.items()}
    if isinstance(value, list):
        return [_mended(member, faults, depth + 1) for member in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and not _is_number(value):
        faults.add("a number is NaN or beyond what a browser can hold; it became null")
        return None
    return value


def _is_number(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
