"""From a training run to what a page loads: an ONNX file with contract and golden case, and its card."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nearside import _core
from nearside.contract import Contract, observe, scores, write_contract
from nearside.log import LogError
from nearside.space import DIMENSION
from nearside.training.networks import Network, dequantise, quantise
from nearside.training.train import load_run

MOST_BYTES = 24 * 1024
TOLERANCE = 1e-5
# The most milliseconds for the largest list, natively; a phone's browser may take ten times as long.
MOST_MS = 10.0
LARGEST = (200, 50)  # candidates and clicks


def export(run: Path, *, name: str, most_ms: float = MOST_MS) -> bytes:
    """The model file of a run. Raises `LogError` where it is too large or slow, or where the engines do not agree."""
    network, weights, about = load_run(run)
    if not about["space"]:
        raise LogError(f"{run}: the log it was trained on names no vector space; name it in the log's log.json")
    if not name.strip():
        raise LogError("a model needs a name")
    k = float(about["settings"]["k"])
    quantised = quantise(weights)
    contract = Contract(name, network.features, about["space"], int(k) if k.is_integer() else k)
    file = write_contract(network.graph(quantised), contract, observe(network.features, contract.space))
    if len(file) > MOST_BYTES:
        raise LogError(f"the model has {len(file):,} bytes; a page may load {MOST_BYTES:,}")
    assert_parity(network, dequantise(quantised), file)
    taken = milliseconds(file)
    if taken > most_ms:
        raise LogError(
            f"ranking {LARGEST[0]} candidates with {LARGEST[1]} clicks takes the model {taken:.1f} ms here, and may "
            f"take {most_ms:g}: train a smaller one, or allow more (--most-ms)"
        )
    return file


def milliseconds(file: bytes, rounds: int = 20) -> float:
    """What the largest list takes the crate: the quickest of a few rankings, so that what else a machine does counts
    little."""
    ranker = _core.Ranker(file)
    candidates, clicks = LARGEST
    case = _Case(np.random.default_rng(0), ranker.space, clicks, candidates)
    times = []
    for _ in range(rounds):
        began = perf_counter()
        case.rank(ranker)
        times.append(perf_counter() - began)
    return 1000 * min(times)


def assert_parity(network: Network, weights: Mapping[str, NDArray[np.float32]], file: bytes, seed: int = 0) -> float:
    """JAX, ONNX Runtime and the crate give one score and one order, at history lengths 1, 7 and 50.

    One score is to 1e-5, or to that part of the list's greatest where that is above 1.
    Returns the greatest difference; raises `LogError` where it is too great.
    """
    random = np.random.default_rng(seed)
    ranker = _core.Ranker(file)
    worst = 0.0
    for history in (1, 7, 50):
        case = _Case(random, ranker.space, history)
        inputs = case.inputs(network.features)
        jax_scores = np.asarray(network.score(weights, {name: jnp.asarray(value) for name, value in inputs.items()}))
        reference = scores(file, inputs)
        crate = case.rank(ranker)
        centred = [values - values.mean() for values in (jax_scores, reference)]
        size = max(1.0, float(np.abs(crate).max()))
        for values in centred:
            worst = max(worst, float(np.abs(values - crate).max()) / size)
            if (np.argsort(-values, kind="stable") != np.argsort(-crate, kind="stable")).any():
                raise LogError(f"the engines order a list differently at a history of {history}")
    if worst > TOLERANCE:
        raise LogError(f"the engines' scores differ by {worst:.1e}, more than {TOLERANCE:.0e}")
    return worst


class _Case:
    """A random list and reader, to compare engines on."""

    def __init__(self, random: np.random.Generator, space: str, history: int, candidates: int = 40) -> None:
        count = candidates + history
        vectors = random.integers(-127, 128, (count, DIMENSION), np.int8)
        topics = [f"topic {at}" for at in random.integers(0, 6, count)]
        ids = [str(at) for at in range(count)]
        published = np.full(count, np.nan)
        self.articles = _core.Articles(ids, topics, topics, vectors, np.ones(count, np.bool_), published)
        self.profile = _core.Profile(space)
        self.now = 1_700_000_000
        for at in range(history):
            self.profile.click(self.articles, candidates + at, self.now - 3600 * (history - at))
        # One candidate was read already.
        self.profile.click(self.articles, 0, self.now - 60)
        self.rows = np.arange(candidates, dtype=np.uint32)
        self.none = np.zeros(candidates)

    def inputs(self, features: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
        """What a model is given."""
        flat = _core.inputs(list(features), self.articles, self.profile, self.now, self.rows, self.none, self.none)
        shapes = {"features": (-1, len(features)), "candidates": (-1, DIMENSION), "history": (-1, DIMENSION)}
        return {name: values.reshape(shapes.get(name, (-1,))) for name, values in flat.items()}

    def rank(self, ranker: _core.Ranker) -> NDArray[np.float32]:
        """The crate's personal part."""
        offsets = np.array([0, len(self.rows)])
        policy = _core.Policy(minimum_evidence=0.0)
        now = np.array([self.now], np.uint32)
        ranked = ranker.rank(self.articles, [self.profile], now, offsets, self.rows, self.none, self.none, policy)
        return ranked["personal"]


def card(file: bytes, name: str, about: Mapping[str, Any], report: Mapping[str, Any] | None) -> str:
    """A model card in Hugging Face's format."""
    settings, impressions, losses = about["settings"], about["impressions"], about["held_out_loss"]
    lines = [
        "---",
        "library_name: onnx",
        "pipeline_tag: text-ranking",
        "tags: [news, recommendation, reranking, onnx, webassembly]",
        "---",
        "",
        f"# {name}",
        "",
        f"A reranker for Nearside: network `{settings['network']}`, {len(file):,} bytes, vector space "
        f"`{about['space']}`.",
        "",
        "## Intended use",
        "",
        "Scores the articles of one page for one reader, on the reader's device, from the clicks kept there. The score "
        "is in log-odds; the ranker takes its mean off, weighs it by the evidence and adds it to the server's "
        "log-odds.",
        "",
        "## Data and training",
        "",
        f"- log: {about.get('log', {}).get('source', 'not stated')}; "
        f"{impressions['trained']:,} impressions trained on, "
        f"{impressions['held_out']:,} of a later slice of time held out",
        f"- features: {', '.join(settings['features'])}",
        f"- strength {settings['strength']}, k {settings['k']}, decay {settings['decay']}, rate {settings['rate']}",
        f"- held-out loss: {losses['best']:.4f} (server order {losses['server_order']:.4f}; {settings['seeds']} seeds, "
        f"mean {losses['mean']:.4f}, spread {losses['spread']:.4f})",
        "",
        "## Metrics",
        "",
        *_metrics(report),
        "",
        "## Limits",
        "",
        "- The terms for hidden articles are set, not learned: no log has hides.",
        "- Only as good as the log it was trained on is like the page it runs on; evaluate it on your own log before "
        "you ship it.",
        "- There is no term for variety: use the policy's topic cap.",
        "",
    ]
    return "\n".join(lines)


def _metrics(report: Mapping[str, Any] | None) -> list[str]:
    if report is None:
        return ["Not evaluated. `nearside export --report DIRECTORY` takes them from an evaluation."]
    columns = ("auc", "mrr", "ndcg5", "ndcg10")
    rows = [
        f"{report['measured']:,} impressions of {report['readers']:,} readers; points of a hundred, 95 % intervals by "
        "reader.",
        "",
        "| | AUC | MRR | nDCG@5 | nDCG@10 |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, row in report["rows"].items():
        cells = [row[column] for column in columns]
        texts = [
            "–" if c["mean"] is None else f"{100 * c['mean']:.1f} ({100 * c['low']:.1f}–{100 * c['high']:.1f})"
            for c in cells
        ]
        rows.append(f"| {name} | {' | '.join(texts)} |")
    return rows
