"""Writes the corpus of rankings whose bits every engine and browser must reproduce.

    npm test -- lab                       # simulates the log and writes .cache/lab/pages.jsonl
    uv run tools/determinism_corpus.py ../.cache/lab/pages.jsonl -o ../tests/fixtures/determinism.json

1,000 pages of simulated readers, of `tools/wasm_parity.py`, without what Python made of them:

- `articles`: `[id, topic, subtopic, vector, published ms or null]`; the vector in base64, `""` for what is not known;
- `pages`, in time order, each with `reader`, `now` (ms), `items` (`[article, shows, clicks]`, in the server's order)
  and `events`, told since the reader's page before: `[kind, article, ms]`, `[2, article, ms, seconds]` for reading;
  kinds are the core's numbers, as in `js/event.ts`.

Articles are places in `articles`. `tests/determinism.rs` and `tests/determinism/` rank the pages; what they must come
to is in `tests/fixtures/determinism.sha256`.
"""

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any

KINDS = ("viewed", "clicked", "dwelled")


class Articles:
    """The articles, each once."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._places: dict[str, int] = {}

    def place(self, name: str, topic: str, subtopic: str, vector: str) -> int:
        """Where the article stands in `rows`."""
        place = self._places.setdefault(name, len(self.rows))
        if place == len(self.rows):
            self.rows.append([name, topic, subtopic, vector, None])
        return place


def corpus(lines: list[str]) -> dict[str, Any]:
    """The corpus of the lines of `pages.jsonl`."""
    articles = Articles()
    pages = []
    for page in map(json.loads, lines):
        events = []
        for event in page["events"]:
            place = articles.place(event["id"], event["topic"], event["subtopic"], event["vector"])
            read = [event["seconds"]] if event["kind"] == "dwelled" else []
            events.append([KINDS.index(event["kind"]), place, event["at"], *read])
        items = []
        for item in page["items"]:
            about = item["_nearside"]
            known = (about.get(name, "") for name in ("topic", "subtopic", "vector"))
            place = articles.place(item["id"], *known)
            if "date_published" in item:
                published = datetime.fromisoformat(item["date_published"])
                articles.rows[place][4] = round(published.timestamp() * 1000)
            items.append([place, int(about["shows"]), int(about["clicks"])])
        pages.append({"reader": page["reader"], "now": page["now"], "events": events, "items": items})
    return {"articles": articles.rows, "pages": pages}


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the corpus of rankings that every engine must reproduce.")
    parser.add_argument("pages", type=Path, help="pages.jsonl of tools/wasm_parity.py")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    made = corpus(arguments.pages.read_text().splitlines())
    rows = [",\n".join(json.dumps(row, separators=(",", ":")) for row in made[part]) for part in ("articles", "pages")]
    arguments.output.write_text(f'{{"articles":[\n{rows[0]}\n],"pages":[\n{rows[1]}\n]}}\n')


if __name__ == "__main__":
    main()
