"""Writes what the browser is compared with: pages of a log, what happened before each, and what Python made of it.

    uv run tools/wasm_parity.py LOG MODEL... -o FOLDER

For the log's first readers, 1,000 impressions in all. `FOLDER` gets

- `every-feature.onnx`: an untrained model that wants every feature of the crate, measured beside the given ones;
- `pages.jsonl`: a line an impression, in time order: `reader`, `now` (ms), `events` (what the reader's device was
  told since its page before, as the SDK's `js/event.ts` has it), `items` (the feed's items in the server's order),
  `features` (base64 of f32[N, F], every feature of the crate), `logits` (base64 of f32[N]), and `models`: for each
  model's `id` its `personal` (base64 of f32[N]), `weight` (base64 of f32[1]) and `order` under the default policy.

`tests/lab/parity.test.mjs` tells the same to the shipped wasm.
"""

import argparse
import base64
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nearside import _core
from nearside.contract import Contract, observe, write_contract
from nearside.log import Log
from nearside.replay import replay
from nearside.space import to_base64
from nearside.training.networks import Attention, quantise

IMPRESSIONS = 1000
# What happens in one second takes effect in this order, as `src/replay.rs` says.
VIEW, DWELL, CLICK = range(3)
Event = tuple[int, int, int, dict[str, Any]]  # second, kind, place among its like, and what is told


def every_feature(space: str) -> bytes:
    """A model over all features, candidates and history, its weights drawn at random."""
    network = Attention(tuple(_core.FEATURES))
    key = jax.random.key(1)
    weights = {
        name: np.asarray(0.1 * jax.random.normal(jax.random.fold_in(key, at), value.shape), np.float32)
        for at, (name, value) in enumerate(network.init(key).items())
    }
    return write_contract(
        network.graph(quantise(weights)),
        Contract("every-feature", network.features, space),
        observe(network.features, space),
    )


class Told:
    """What each reader's device is told, in the order in which the replay lets it take effect."""

    def __init__(self, folder: Path, log: Log) -> None:
        self.log = log
        self.vectors = [
            to_base64(vector) if has else ""
            for vector, has in zip(log.articles.vectors, log.articles.has_vector, strict=True)
        ]
        self.waiting: dict[int, list[Event]] = defaultdict(list)
        clicks = log.clicks
        order = np.argsort(_milliseconds(folder / "clicks.parquet"), kind="stable")
        milliseconds = _milliseconds(folder / "clicks.parquet")[order]
        for place, (reader, second, article, dwell) in enumerate(
            zip(clicks.reader.tolist(), clicks.second.tolist(), clicks.article.tolist(), clicks.dwell, strict=True)
        ):
            event = self._event("clicked", article, int(milliseconds[place]))
            self.waiting[reader].append((second, CLICK, place, event))
            if not np.isnan(dwell):
                left = second + int(np.ceil(dwell))
                event = self._event("dwelled", article, 1000 * left, seconds=float(dwell))
                self.waiting[reader].append((left, DWELL, place, event))

    def _event(self, kind: str, article: int, at: int, seconds: float = 0.0) -> dict[str, Any]:
        return {
            "kind": kind,
            "id": self.log.ids[article],
            "topic": self.log.topics[article],
            "subtopic": self.log.subtopics[article],
            "vector": self.vectors[article],
            "space": "",
            "seconds": seconds,
            "at": at,
        }

    def see(self, reader: int, second: int, millisecond: int, articles: list[int], place: int) -> None:
        """The reader sees articles of a page."""
        for article in articles:
            self.waiting[reader].append((second, VIEW, place, self._event("viewed", article, millisecond)))

    def before(self, reader: int, second: int) -> list[dict[str, Any]]:
        """The events that take effect before a page of that second, once each."""
        due = sorted((event for event in self.waiting[reader] if event[0] < second), key=lambda event: event[:3])
        self.waiting[reader] = [event for event in self.waiting[reader] if event[0] >= second]
        return [event for *_, event in due]


def pages(folder: Path, models: dict[str, _core.Ranker]) -> Iterator[dict[str, Any]]:
    """The lines of `pages.jsonl`."""
    log = Log.open(folder)
    told = Told(folder, log)
    heads = _milliseconds(folder / "impressions.parquet")
    readers = _first_readers(log)
    count = 0
    seen = log.batches()
    for batch, rankings in replay(log, rankers=[(ranker, [_core.Policy()]) for ranker in models.values()]):
        shown = next(seen)
        for at, (row, reader, second) in enumerate(
            zip(batch.impression.tolist(), batch.reader.tolist(), batch.second.tolist(), strict=True)
        ):
            if reader not in readers or count == IMPRESSIONS:
                continue
            count += 1
            here = slice(int(batch.offsets[at]), int(batch.offsets[at + 1]))
            yield {
                "reader": reader,
                "now": int(heads[row]),
                "events": told.before(reader, second),
                "items": [_item(told, batch, place) for place in range(here.start, here.stop)],
                "features": _text(batch.features[here]),
                "logits": _text(batch.server_logit[here]),
                "models": {
                    name: {
                        "personal": _text(ranking["personal"][here]),
                        "weight": _text(ranking["weight"][0][at : at + 1]),
                        "order": np.argsort(ranking["slot"][0][here]).tolist(),
                    }
                    for name, ranking in zip(models, rankings, strict=True)
                },
            }
            if shown.viewed is not None:
                looked = shown.article[here][shown.viewed[here]].tolist()
                told.see(reader, second, int(heads[row]), looked, count)


def _first_readers(log: Log) -> set[int]:
    """The readers with the lowest numbers who together have enough impressions."""
    counts = np.zeros(len(log.readers), np.int64)
    for batch in log.batches():
        np.add.at(counts, batch.reader, 1)
    enough = int(np.searchsorted(np.cumsum(counts), IMPRESSIONS)) + 1
    return set(range(enough))


def _item(told: Told, batch: Any, place: int) -> dict[str, Any]:
    """An item of a JSON Feed."""
    article = int(batch.article[place])
    log = told.log
    published = log.articles.published_ms[article]
    about = {"topic": log.topics[article], "subtopic": log.subtopics[article], "vector": told.vectors[article]}
    about |= {"shows": float(batch.shows[place]), "clicks": float(batch.clicks[place])}
    item: dict[str, Any] = {
        "id": log.ids[article],
        "_nearside": {name: value for name, value in about.items() if value != ""},
    }
    if not np.isnan(published):
        date = datetime.fromtimestamp(published / 1000, UTC).isoformat(timespec="milliseconds")
        item["date_published"] = date
    return item


def _milliseconds(path: Path) -> NDArray[np.int64]:
    return pq.read_table(path, columns=["time"])["time"].cast("int64").to_numpy()


def _text(values: NDArray[np.float32]) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes what the shipped wasm is to be compared with.")
    parser.add_argument("log", type=Path, help="directory of a simulated click log")
    parser.add_argument("models", type=Path, nargs="*", help="model files of the log's vector space")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    own = arguments.output / "every-feature.onnx"
    own.write_bytes(every_feature(Log.open(arguments.log).space))
    rankers = [_core.Ranker(path.read_bytes()) for path in [own, *arguments.models]]
    with (arguments.output / "pages.jsonl").open("w", encoding="utf-8") as file:
        for page in pages(arguments.log, {ranker.id: ranker for ranker in rankers}):
            file.write(json.dumps(page, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
