"""Writes `models/golden.json`: the list, history and moment on which every model proves its features.

    uv run tools/golden_case.py

Small, but every feature has something to say of it: a session, older clicks, a short dwell, views, a hidden article, an
article already read, one without a subtopic and one without a date. The articles are invented.
"""

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nearside.encoder import Encoder
from nearside.space import GOLDEN, Space, article_text, to_base64

NOW = datetime(2026, 1, 15, 8, 30, tzinfo=UTC)
MINUTE = 1.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True)
class Article:
    id: str
    topic: str
    subtopic: str
    title: str
    age: float | None = None  # minutes
    shows: int = 0
    clicks: int = 0


# In the server's order.
CANDIDATES = [
    Article("harbour-vote", "politics", "local", "City council votes to close the old harbour", 5 * HOUR, 4200, 357),
    Article("late-winner", "sports", "football", "Late winner sends the harbour club top of the league", 40, 900, 70),
    Article("derby", "sports", "football", "Injury doubt over the captain before Sunday's derby", 9 * HOUR, 3100, 201),
    Article(
        "rate-cut", "business", "markets", "Central bank holds rates and hints at a cut in spring", None, 2600, 130
    ),
    Article("comet", "science", "", "Comet will be visible to the naked eye this week", 26 * HOUR, 1500, 61),
    Article("diva", "culture", "music", "Singer cancels her tour after a quarrel with the band", 90, 0, 0),
]

CLICKED = [
    ("cup-draw", "sports", "football", "Champions draw a second-tier side in the cup", 16 * DAY),
    ("transfer", "sports", "football", "Club agrees a record fee for the young striker", 9 * DAY),
    ("open-final", "sports", "tennis", "Qualifier reaches the final of the open", 8 * DAY),
    ("moon-probe", "science", "space", "Probe sends its first pictures from the far side of the moon", 30 * HOUR),
    ("gossip", "culture", "music", "What the band said about the singer's new record", 29 * HOUR),
    ("derby", "sports", "football", "Injury doubt over the captain before Sunday's derby", 12 * MINUTE),
]

HIDDEN = ("feud", "culture", "music", "Singer and band trade insults after the cancelled tour", 28 * HOUR)


def milliseconds(age: float) -> int:
    """The moment `age` minutes before the case's `now`, in ms since 1970."""
    return int((NOW - timedelta(minutes=age)).timestamp()) * 1000


def golden_case(encoder: Encoder, space: Space) -> dict[str, Any]:
    """Builds the case in the form that the crate's `golden` example reads."""
    titles = [article.title for article in CANDIDATES] + [entry[3] for entry in CLICKED] + [HIDDEN[3]]
    vectors = space.quantise(encoder.encode([article_text(title, "") for title in titles]))
    vector_of = dict(zip(titles, map(to_base64, vectors), strict=True))

    items: list[dict[str, Any]] = []
    for article in CANDIDATES:
        item: dict[str, Any] = {"id": article.id, "title": article.title}
        if article.age is not None:
            item["date_published"] = (NOW - timedelta(minutes=article.age)).isoformat().replace("+00:00", "Z")
        extension: dict[str, Any] = {"topic": article.topic, "subtopic": article.subtopic}
        extension |= {"shows": article.shows, "clicks": article.clicks, "vector": vector_of[article.title]}
        item["_nearside"] = {key: value for key, value in extension.items() if value != ""}
        items.append(item)

    def event(kind: str, entry: tuple[str, str, str, str, float], **more: Any) -> dict[str, Any]:
        id_, topic, subtopic, title, age = entry
        about = {"id": id_, "topic": topic, "subtopic": subtopic, "vector": vector_of[title], "ms": milliseconds(age)}
        return {"type": kind, **about, **more}

    def dwell(id_: str, seconds: int, age: float) -> dict[str, Any]:
        return {"type": "dwell", "id": id_, "seconds": seconds, "ms": milliseconds(age)}

    def view(article: Article, age: float) -> dict[str, Any]:
        return {"type": "view", "id": article.id, "topic": article.topic, "ms": milliseconds(age)}

    events = [event("click", entry) for entry in CLICKED[:5]]
    events.append(dwell("gossip", 4, 29 * HOUR - 1))  # hardly opened: a weak click
    events.append(event("hide", HIDDEN))
    seen = [CANDIDATES[3], CANDIDATES[4], CANDIDATES[2], CANDIDATES[3]]
    events += [view(article, 60 - 10 * place) for place, article in enumerate(seen)]
    events.append(event("click", CLICKED[5]))
    events.append(dwell("derby", 130, 9 * MINUTE))
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Golden case",
        "_nearside": {"space": space.name},
        "items": items,
    }
    return {"now": milliseconds(0), "feed": feed, "events": events}


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the golden case of the models.")
    parser.add_argument("-o", "--output", type=Path, default=GOLDEN)
    output: Path = parser.parse_args().output
    case = golden_case(Encoder(), Space.load())
    output.write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"{output}: {len(case['feed']['items'])} candidates, {len(case['events'])} events")


if __name__ == "__main__":
    main()
