"""Writes the article vectors of a JSON Feed into the feed, in place: what a publisher's system does at publish time.

    uv run encode_feed.py ../www/feed.json

Every item with a title gets `_nearside.vector`, the feed gets `_nearside.space`. An article is known by its title and
`summary`. All else stays as it is, in its order; the file is written with two spaces of indent.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nearside.encoder import Encoder
from nearside.space import DEFAULT, Space, article_text, from_base64, to_base64


def encode_feed(feed: dict[str, Any], encoder: Encoder, space: Space) -> None:
    """Sets the vector of every item that has a title, and the name of the space."""
    items = [item for item in feed["items"] if item.get("title")]
    vectors = space.quantise(encoder.encode([article_text(item["title"], item.get("summary") or "") for item in items]))
    for item, vector in zip(items, vectors, strict=True):
        item.setdefault("_nearside", {})["vector"] = to_base64(vector)
    if "_nearside" not in feed:
        feed["_nearside"] = {}
        feed["items"] = feed.pop("items")  # the items stay last
    feed["_nearside"]["space"] = space.name


def stale(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Returns the ids of items whose vectors differ by more than a unit, the rounding on another kind of processor."""

    def vector(item: dict[str, Any]) -> np.ndarray:
        text = item.get("_nearside", {}).get("vector")
        return from_base64(text).astype(int) if isinstance(text, str) else np.full(1, 999)

    pairs = zip(before["items"], after["items"], strict=True)
    titled = ((old, new) for old, new in pairs if new.get("title"))
    return [str(new.get("id")) for old, new in titled if np.abs(vector(old) - vector(new)).max() > 1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the article vectors of a JSON Feed into the feed.")
    parser.add_argument("feed", type=Path)
    parser.add_argument("--space", type=Path, default=DEFAULT, help="vector space file")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a vector does not fit its text")
    arguments = parser.parse_args()
    before = json.loads(arguments.feed.read_text("utf-8"))
    feed = json.loads(arguments.feed.read_text("utf-8"))
    space = Space.load(arguments.space)
    encode_feed(feed, Encoder(), space)
    if arguments.check:
        faults = stale(before, feed)
        if before.get("_nearside", {}).get("space") != space.name:
            faults.append("the feed's space")
        if faults:
            sys.exit(f"{arguments.feed}: out of date, run encode_feed.py: {', '.join(faults)}")
        print(f"{arguments.feed}: all vectors fit their texts")
        return
    arguments.feed.write_text(json.dumps(feed, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"{arguments.feed}: {len(feed['items'])} items in the space {space.name}")


if __name__ == "__main__":
    main()
