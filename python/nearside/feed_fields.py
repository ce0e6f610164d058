"""What content systems write into a feed's fields, as the page reads it: ids as text, dates in RFC 3339, numbers.

The page holds an item in its place where a field is of another type (README, Outcomes). So what can only mean one thing
is written as that; what cannot is left as it is. Both are counted by reason.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from nearside._core import MAX_TEXT
from nearside.faults import Faults

OWN = "_nearside"
Item = dict[str, Any]

NUMBERS = ("shows", "clicks", "score")
FLAGS = ("pinned", "personalize")
NUMBER = re.compile(r"\s*[+-]?\d{1,15}(?:\.\d{1,15})?\s*", re.ASCII)
WORDS = {"true": True, "1": True, "false": False, "0": False}
LONGEST_EXACT = 2**53  # whole numbers up to here are the same in a browser
LONGEST_DATE = 64  # characters
# As the page reads them: js/candidates.ts.
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
HELD = "the page holds the item in its place"


def settle_fields(item: Item, faults: Faults, where: str) -> None:
    """Writes an item's fields as the page reads them, where it is plain what was meant."""
    _settle_id(item, faults, where)
    _settle_date(item, faults, where)
    if item.get(OWN, {}) is None:
        del item[OWN]
    own = item.get(OWN)
    if not isinstance(own, dict):
        return
    for name in NUMBERS:
        _settle_number(own, name, faults, where)
    for name in FLAGS:
        _settle_flag(own, name, faults, where)
    _settle_topic(own, faults, where)


def _settle_id(item: Item, faults: Faults, where: str) -> None:
    """A number becomes its text, as the page and JSON Feed take it."""
    id_ = item.get("id")
    if isinstance(id_, bool) or not isinstance(id_, int | float):
        return
    if isinstance(id_, float):
        if not id_.is_integer() or abs(id_) > LONGEST_EXACT:
            faults.add(
                "an item's id is a number that is not whole: a browser may write it otherwise; it was left", where
            )
            return
        id_ = int(id_)
    item["id"] = str(id_)
    faults.add("an item's id is a number; its text was written", where)


def _settle_date(item: Item, faults: Faults, where: str) -> None:
    value = item.get("date_published")
    if value is None:
        return
    text = value.strip() if isinstance(value, str) and len(value) <= LONGEST_DATE else ""
    time = _read_time(text)
    if time is None:
        faults.add(f"a date is not in RFC 3339 with its zone, and cannot be read as one: {HELD}", where)
    elif not RFC_3339.fullmatch(value):
        item["date_published"] = time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        faults.add("a date is not in RFC 3339; it was written so", where)


def _read_time(text: str) -> datetime | None:
    """A time of ISO 8601, or of an e-mail's or RSS's form (RFC 5322); `None` for any other, and without a zone."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            time = read(text)
            # RFC 5322 writes -0000 for a zone that is not known.
            if time.utcoffset() is not None and not text.endswith("-0000"):
                return time.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _settle_number(own: Item, name: str, faults: Faults, where: str) -> None:
    value = own.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return
    if isinstance(value, str) and NUMBER.fullmatch(value):
        number = float(value)
        own[name] = int(number) if number.is_integer() else number
        faults.add(f"`{name}` is a text; it was written as a number", where)
    else:
        faults.add(f"`{name}` is no number: {HELD}", where)


def _settle_flag(own: Item, name: str, faults: Faults, where: str) -> None:
    value = own.get(name)
    if value is None or isinstance(value, bool):
        return
    meant = WORDS.get(str(value).strip().lower()) if isinstance(value, str | int | float) else None
    if meant is None:
        faults.add(f"`{name}` is neither true nor false: {HELD}", where)
    else:
        own[name] = meant
        faults.add(f"`{name}` is a text or a number; it was written as true or false", where)


def _settle_topic(own: Item, faults: Faults, where: str) -> None:
    """A list's first two texts are topic and subtopic."""
    for name in ("topic", "subtopic"):
        value = own.get(name)
        if value is None or isinstance(value, str):
            continue
        texts = [one for one in value if isinstance(one, str) and one.strip()] if isinstance(value, list) else []
        if not texts:
            faults.add(f"`{name}` is no text; it counts as missing", where)
            continue
        own[name] = texts[0]
        if name == "topic" and len(texts) > 1 and not own.get("subtopic"):
            own["subtopic"] = texts[1]
        faults.add(f"`{name}` is a list; its first text was taken, and of topics the second for the subtopic", where)
    for name in ("topic", "subtopic"):
        if units(own.get(name)) > MAX_TEXT:
            faults.add(f"`{name}` has more than {MAX_TEXT} characters: {HELD}", where)


def units(value: object) -> int:
    """UTF-16 units of a text, as a browser counts its characters."""
    return len(value) + sum(char > "\uffff" for char in value) if isinstance(value, str) else 0
