"""The `_nearside` fields of a JSON Feed: what a publisher's system writes at publish time.

Every item with a title gets `_nearside.vector`, and the feed `_nearside.space`. An article is known by its title and
`summary`, read without tags and entities. An item without a topic gets that of its nearest neighbours in the feed,
marked by `"predicted": true`; such topics are predicted again each time. A field that the page would not read is
written as it does, where it is plain what was meant (`feed_fields`). All else stays as it is, in its order.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np

from nearside._core import MAX_ID
from nearside.encode import check_encoder, encode_texts
from nearside.encoder import TextEncoder
from nearside.faults import Faults
from nearside.feed_fields import OWN, Item, settle_fields, units
from nearside.feed_file import read_feed, write_feed
from nearside.markup import plain_text
from nearside.space import DIMENSION, Space, article_text, from_base64, to_base64
from nearside.topics import fill_labels

COMPUTED = ("vector", "topic", "subtopic", "predicted")
MOST_NAMED = 10  # items that a message names


def encode_file(
    path: Path, output: Path | None, encoder: TextEncoder, space: Space, faults: Faults, *, check: bool = False
) -> str:
    """Encodes a feed's file to `output`, with two spaces of indent; with `check` writes nothing. Returns one sentence.

    Raises ValueError for a file that is no feed, for one without any title, and where `check` finds what does not fit.
    """
    check_encoder(encoder, space, faults)
    before = read_feed(path, unreadable := Faults())
    faults.update(unreadable)
    feed = copy.deepcopy(before)
    encoded = encode_feed(feed, encoder, space, faults)
    if not encoded:
        raise ValueError(f"{path}: no item can be encoded")
    if check:
        wrong = stale(before, feed)
        wrong = wrong[:MOST_NAMED] + ([f"and {len(wrong) - MOST_NAMED:,} more"] if len(wrong) > MOST_NAMED else [])
        if unreadable.by_reason:
            wrong.append("what a browser cannot read")
        if _own(before).get("space") != space.name:
            wrong.append("the feed's space")
        if wrong:
            raise ValueError(f"{path} is out of date, run nearside encode: {', '.join(wrong)}")
        return f"{path}: all vectors fit their texts"
    if output is None:
        raise ValueError("say by -o where the feed is to be written; it may be the same file")
    write_feed(output, feed)
    predicted = sum(bool(_own(item).get("predicted")) for item in feed["items"])
    return f"{output}: {encoded:,} items in the space {space.name}; {predicted:,} topics predicted"


def encode_feed(feed: dict[str, Any], encoder: TextEncoder, space: Space, faults: Faults | None = None) -> int:
    """Sets vectors, missing topics and the name of the space. Returns how many items have a vector."""
    faults = Faults() if faults is None else faults
    items = _sound(feed["items"], faults)
    texts = [article_text(item["title"], _text(item.get("summary"))) for _, item in items]
    vectors = encode_texts(texts, encoder, space)
    encoded = [at for at in range(len(items)) if vectors[at].any()]
    owns = [item.setdefault(OWN, {}) for _, item in items]
    given = [("", "") if own.get("predicted") is True else _label(own) for own in owns]
    labels, places = fill_labels(vectors, encoded, given)
    predicted = set(places)
    for at, (where, _) in enumerate(items):
        own, marked, (topic, subtopic) = owns[at], at in predicted, labels[at]
        if marked or own.get("predicted") is True:
            for name, value in (("topic", topic), ("subtopic", subtopic), ("predicted", marked)):
                if value:
                    own[name] = value
                else:
                    own.pop(name, None)
        if marked:
            faults.add("an item has no topic; it was predicted from its nearest neighbours", where)
        elif not topic:
            faults.add("an item has no topic, and none could be predicted", where)
        if vectors[at].any():
            own["vector"] = to_base64(vectors[at])
        else:
            faults.add("the encoder gives a text no direction, so it has no vector", where)
            own.pop("vector", None)
    if not isinstance(feed.get(OWN), dict):
        feed[OWN] = {}
        feed["items"] = feed.pop("items")  # the items stay last
    feed[OWN]["space"] = space.name
    return len(encoded)


def _sound(items: list[Any], faults: Faults) -> list[tuple[str, Item]]:
    """The items that can be encoded, each with where it stands; what is wrong with the others is counted."""
    sound: list[tuple[str, Item]] = []
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            faults.add("an item is no object", f"item {number}")
            continue
        settle_fields(item, faults, f"item {number}")
        id_ = item.get("id")
        where = f"item {number}, {_name(id_)}" if id_ else f"item {number}"
        if not isinstance(id_, str) or not id_:
            faults.add("an item has no id: the page cannot be ranked with it", where)
        elif units(id_) > MAX_ID:
            faults.add(f"an id has more than {MAX_ID} characters: the page cannot be ranked with it", f"item {number}")
        elif id_ in seen:
            faults.add("an id is used again: the page cannot be ranked with it", where)
        else:
            seen.add(id_)
        if OWN in item and not isinstance(item[OWN], dict):
            faults.add(f"an item's `{OWN}` is no object; the item was left as it is", where)
        elif not _text(item.get("title")).strip():
            faults.add("an item has no title, so no vector", where)
            # A vector that is there is of no text, and may be of another space.
            _own(item).pop("vector", None)
        else:
            if _text(item["title"]) != plain_text(_text(item["title"])):
                faults.add("a title has tags or entities; its vector is of the text without", where)
            sound.append((where, item))
    return sound


def _name(id_: object) -> str:
    """An id for a message: short, in one line."""
    text = "".join(char if char.isprintable() else "?" for char in str(id_)[:60])
    return text[:40] + ("…" if len(text) > 40 else "")


def stale(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The ids of items whose fields no longer fit.

    A vector by more than a unit, a topic that is not predicted yet, or a field of another type than the page reads.

    Numbers may differ by a unit between kinds of processors.
    """
    pairs = zip(before["items"], after["items"], strict=True)
    return [_name(new.get("id")) for old, new in pairs if isinstance(new, dict) and not _fits(old, new)]


def _fits(before: Item, after: Item) -> bool:
    old, new = _own(before), _own(after)
    if _given(before) != _given(after):
        return False
    topics = [(bool(_text(own.get("topic"))), own.get("predicted") is True) for own in (old, new)]
    return bool(np.abs(_numbers(old) - _numbers(new)).max() <= 1) and topics[0] == topics[1]


def _given(item: Item) -> tuple[Item, Item]:
    """What the publisher wrote of an item: all but what is computed here."""
    own = {name: value for name, value in _own(item).items() if name not in COMPUTED}
    return {name: value for name, value in item.items() if name != OWN}, own


def _numbers(own: Item) -> np.ndarray:
    """The vector of a `_nearside`; far from any where it has none."""
    text = own.get("vector")
    if text is None:
        return np.zeros(DIMENSION, int)
    try:
        return from_base64(_text(text)).astype(int)
    except ValueError:
        return np.full(DIMENSION, 999)


def _own(item: Any) -> Item:
    own = item.get(OWN) if isinstance(item, dict) else None
    return own if isinstance(own, dict) else {}


def _label(own: Item) -> tuple[str, str]:
    topic = _text(own.get("topic"))
    return topic, _text(own.get("subtopic")) if topic else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
