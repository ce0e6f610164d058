"""Training: the loss is what it says, positions are taken out, and what is exported is what was trained."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from nearside import _core
from nearside.log import Log, LogError
from nearside.replay import replay
from nearside.rows import Rows, read_rows, write_rows
from nearside.simulate import simulate
from nearside.training import export as exporting
from nearside.training.batches import POSITIONS, Lists, _pad, padded, shuffled
from nearside.training.export import assert_parity, card, export, milliseconds
from nearside.training.networks import BENDS, NETWORKS, Attention, Linear, Network, Quantised, dequantise, quantise
from nearside.training.train import PERSONAL, Run, Settings, Trained, _losses, _unit, save_run, train

SPACE = "minilm-l6-pca64-v1"
NAMES = ("cosine_top3", "topic_lift", "subtopic_lift")
BENT = ("cosine_top3", "cosine_max", "cosine_hidden")  # features of which units bend
MOST = tuple(name for name in _core.FEATURES if name != "server_logit")


def made_rows(
    random: np.random.Generator,
    *,
    impressions: int = 300,
    taste: float = 1.0,
    slope: float = 0.0,
    confounded: float = 0.0,
    turning: bool = False,
    longest: int = 30,
    names: tuple[str, ...] = NAMES,
) -> Rows:
    """Rows in which clicks follow `taste` times the first feature and fall by `slope` a slot.

    `confounded`: how far the first feature falls with the slot; `turning`: in the last fifth of time the taste is
    opposite.
    """
    sizes = random.integers(2, longest, impressions)
    owner = np.repeat(np.arange(impressions), sizes)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    total = int(offsets[-1])
    position = np.arange(total) - offsets[owner]
    features = random.normal(0, 1, (total, len(names))).astype(np.float32)
    features[:, 0] -= confounded * position
    evidence = np.full(impressions, 10, np.float32)
    weight = 0.8 * evidence / (evidence + 10)
    server = random.normal(0, 0.5, total).astype(np.float32)
    sign = np.where(turning & (owner >= 0.8 * impressions), -1, 1)
    strength = server + weight[owner] * sign * taste * features[:, 0] - slope * position
    clicked = np.zeros(total, np.bool_)
    for start, end in pairwise(offsets):
        clicked[start + np.argmax(strength[start:end] + random.gumbel(size=end - start))] = True
    entries = random.integers(1, 51, impressions)
    return Rows(
        about={"space": SPACE, "log": {"source": "test"}},
        names=names,
        vectors=random.integers(-127, 128, (200, 64), np.int8),
        reader=np.arange(impressions),
        second=1_700_000_000 + 60 * np.arange(impressions),
        evidence=evidence,
        offsets=offsets,
        article=random.integers(0, 200, total).astype(np.uint32),
        position=position.astype(np.int32),
        clicked=clicked,
        server_logit=server,
        scorable=random.random(total) < 0.9,
        features=features,
        history_offsets=np.concatenate([[0], np.cumsum(entries)]),
        history=random.integers(0, 200, entries.sum()).astype(np.uint32),
        history_weight=random.random(int(entries.sum()), np.float32),
    )


def random_weights(network: Network, seed: int = 0, scale: float = 0.3) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    return {
        name: random.normal(0, scale, value.shape).astype(np.float32)
        for name, value in network.init(jax.random.key(0)).items()
    }


def plain_score(
    network: Network, weights: dict[str, Any], features: Any, candidates: Any, history: Any, recency: Any
) -> Any:
    """A network's score in plain NumPy, at double precision."""
    weights = {name: value.astype(float) for name, value in weights.items()}
    score = features @ weights["linear"]
    for name, threshold, factor in BENDS:
        if name in network.features:
            column = features[:, [network.features.index(name)]]
            score = score + factor * np.maximum(column - threshold, 0) / (1 - threshold)
    if isinstance(network, Attention):
        logits = (candidates @ weights["query"]) @ (history @ weights["key"]).T + np.log(recency + 1e-6)
        attention = np.exp(logits - logits.max(axis=1, keepdims=True))
        interest = attention / attention.sum(axis=1, keepdims=True) @ (history @ weights["value"])
        hidden = np.concatenate([features, candidates, interest, interest * (candidates @ weights["match"])], axis=1)
        for layer in ("first", "second"):
            hidden = np.maximum(hidden @ weights[layer] + weights[f"{layer}_bias"], 0)
        score = score + hidden @ weights["last"]
    return score[:, 0]


def plain_losses(network: Network, weights: dict[str, Any], bias: Any, rows: Rows, strength: float, k: float) -> Any:
    """The loss of each impression, one at a time and without padding."""
    unit = rows.vectors / np.linalg.norm(rows.vectors.astype(float), axis=1, keepdims=True)
    found = []
    for i in range(len(rows.evidence)):
        here = slice(rows.offsets[i], rows.offsets[i + 1])
        entries = slice(rows.history_offsets[i], rows.history_offsets[i + 1])
        history, recency = unit[rows.history[entries]], rows.history_weight[entries]
        score = plain_score(network, weights, rows.features[here], unit[rows.article[here]], history, recency)
        scorable = rows.scorable[here]
        mean = score[scorable].mean() if scorable.any() else 0
        personal = np.where(scorable, score - mean, 0)
        n = rows.evidence[i]
        total = rows.server_logit[here] + strength * n / (n + k) * personal
        total += bias[np.minimum(rows.position[here], POSITIONS - 1)]
        likelihood = total - np.log(np.exp(total - total.max()).sum()) - total.max()
        found.append(-likelihood[rows.clicked[here]].mean())
    return np.array(found)


@pytest.mark.parametrize("kind", list(NETWORKS))
def test_the_loss_is_that_of_plain_numpy(kind: str) -> None:
    random = np.random.default_rng(1)
    rows = made_rows(random, impressions=60, longest=70, names=BENT)
    # A second click here and there; an impression of which nothing can be scored.
    rows.clicked[rows.offsets[:-1][::3]] = True
    rows.scorable[rows.offsets[4] : rows.offsets[5]] = False
    network = NETWORKS[kind](BENT)
    weights, bias = random_weights(network), random.normal(0, 1, POSITIONS).astype(np.float32)
    groups = padded(rows, np.arange(60), strength=0.8, k=10)
    assert len(groups) == 4
    losses = [
        np.asarray(_losses(network)(weights, jnp.asarray(bias), vars(group), jnp.asarray(_unit(rows.vectors))))
        for group in groups
    ]
    lengths = np.diff(rows.offsets)
    order = np.argsort(np.searchsorted([16, 32, 64, 128], lengths), kind="stable")
    expected = plain_losses(network, weights, bias, rows, 0.8, 10)[order]
    np.testing.assert_allclose(np.concatenate(losses), expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("kind", list(NETWORKS))
def test_padding_does_not_matter(kind: str) -> None:
    random = np.random.default_rng(2)
    rows = made_rows(random, impressions=40, longest=16)
    network = NETWORKS[kind](NAMES)
    weights, bias = random_weights(network), jnp.asarray(random.normal(0, 1, POSITIONS), jnp.float32)
    vectors = jnp.asarray(_unit(rows.vectors))
    narrow, wide = (_pad(rows, np.arange(40), size, strength=0.8, k=10) for size in (16, 128))
    compiled = _losses(network)
    reference = np.asarray(compiled(weights, bias, vars(narrow), vectors))
    np.testing.assert_allclose(np.asarray(compiled(weights, bias, vars(wide), vectors)), reference, rtol=1e-5)
    # What stands in the padding is not looked at.
    noise = np.where(wide.valid[:, :, None], wide.features, 1e3).astype(np.float32)
    spoiled = replace(wide, features=noise, server_logit=np.where(wide.valid, wide.server_logit, 50).astype(np.float32))
    spoiled = replace(spoiled, history=np.where(wide.history_mask, wide.history, 7))
    np.testing.assert_allclose(np.asarray(compiled(weights, bias, vars(spoiled), vectors)), reference, rtol=1e-5)


def test_minibatches_leave_no_impression_out_for_good() -> None:
    rows = made_rows(np.random.default_rng(3), impressions=300, longest=30)
    groups = padded(rows, np.arange(300), strength=0.8, k=10)
    seen: set[bytes] = set()
    for epoch in range(8):
        parts = list(shuffled(groups, 64, np.random.default_rng(epoch)))
        for part in parts:
            assert len(part) <= 64
            seen |= {row.tobytes() for row in part.server_logit}
    assert len(seen) == 300


def test_the_position_is_learned_as_a_bias_and_left_out_of_the_file(tmp_path: Path) -> None:
    rows = made_rows(np.random.default_rng(4), impressions=3000, slope=0.4, confounded=0.3, longest=12)
    settings = Settings(features=NAMES, seeds=1, epochs=30, rate=0.05, decay=0.0)
    run = train(rows, settings)
    bias = run.best.bias
    assert (bias[0] - bias[6]) / 6 == pytest.approx(0.4, abs=0.08)
    assert run.best.weights["linear"][0, 0] == pytest.approx(1.0, abs=0.2)
    # Without the bias the slot is taken for taste.
    first = replace(rows, position=np.zeros_like(rows.position))
    assert train(first, settings).best.weights["linear"][0, 0] > 1.6
    # The file does not depend on it.
    files = []
    for at, learned in enumerate((bias, np.zeros_like(bias))):
        folder = tmp_path / str(at)
        save_run(replace(run, seeds=[replace(run.best, bias=learned)]), folder, {"source": "test"})
        files.append(export(folder, name="biased"))
    assert files[0] == files[1]


def test_training_stops_where_the_later_slice_gets_worse() -> None:
    rows = made_rows(np.random.default_rng(5), impressions=400, turning=True)
    told: list[tuple[str, int, int]] = []
    settings = Settings(features=NAMES, seeds=2, epochs=50, patience=2, rate=0.05)
    run = train(rows, settings, lambda *progress: told.append(progress))
    assert [seed.epochs for seed in run.seeds] == [1, 1]
    assert told == [(f"seed {seed}", epoch, 50) for seed in (0, 1) for epoch in (1, 2, 3)]
    assert run.best.held_out_loss > run.server_loss


def test_a_taste_is_learned_and_told(tmp_path: Path) -> None:
    rows = made_rows(np.random.default_rng(6), impressions=1500)
    run = train(rows, Settings(features=NAMES, seeds=2, epochs=12, rate=0.05))
    summary = run.summary()
    losses = summary["held_out_loss"]
    assert losses["best"] < losses["server_order"] - 0.02
    assert losses["best"] == run.best.held_out_loss == min(seed["held_out_loss"] for seed in summary["seeds"])
    assert losses["spread"] >= 0
    assert summary["impressions"] == {"trained": 1275, "held_out": 225}
    save_run(run, tmp_path, rows.about["log"])
    text = card(export(tmp_path, name="mine"), "mine", {"log": rows.about["log"], **summary}, None)
    assert text.startswith("---\n")
    assert "log: test; 1,275 impressions trained on, 225 " in text
    assert f"held-out loss: {losses['best']:.4f}" in text
    assert "Not evaluated" in text


def test_quantised_weights_come_back() -> None:
    matrix = np.random.default_rng(7).normal(0, 1, (50, 8)).astype(np.float32) * np.float32(10) ** np.arange(-4, 4)
    matrix[:, 3] = 0
    quantised = Quantised(matrix.astype(np.float32))
    assert quantised.bytes.dtype == np.int8
    assert (np.abs(quantised.bytes[:, [0, 1, 2, 4]]).max(axis=0) == 127).all()
    assert (np.abs(quantised.matrix - matrix) <= quantised.scale / 2 * 1.0001).all()
    assert (quantised.matrix[:, 3] == 0).all()
    again = Quantised(quantised.matrix)
    np.testing.assert_array_equal(again.bytes, quantised.bytes)
    weights = random_weights(Attention(NAMES))
    kept = dequantise(quantise(weights))
    assert {name for name in weights if np.array_equal(weights[name], kept[name])} == {"first_bias", "second_bias"}


def saved(folder: Path, network: Network, weights: dict[str, NDArray[np.float32]]) -> Path:
    """A run with given weights, as training would leave it."""
    seed = Trained(0, weights, np.zeros(POSITIONS, np.float32), 1.0, 1.0, 1)
    settings = Settings(network=network.name, features=network.features)
    save_run(Run(settings, SPACE, [seed], 1.0, (10, 10)), folder, {"source": "test"})
    return folder


@pytest.mark.parametrize("kind", list(NETWORKS))
@pytest.mark.parametrize("features", [NAMES, PERSONAL, MOST], ids=["few", "personal", "most"])
def test_the_engines_agree_on_what_is_exported(tmp_path: Path, kind: str, features: tuple[str, ...]) -> None:
    network = NETWORKS[kind](features)
    weights = random_weights(network, scale=0.1)
    file = export(saved(tmp_path, network, weights), name=f"random-{kind}")
    assert len(file) <= 24 * 1024
    assert export(tmp_path, name=f"random-{kind}") == file
    ranker = _core.Ranker(file)
    assert (ranker.id, ranker.space, ranker.k) == (f"random-{kind}", SPACE, 10)
    assert tuple(ranker.features) == features
    assert ranker.needs_history == network.uses_history
    kept = dequantise(quantise(weights))
    assert assert_parity(network, kept, file) <= 1e-5
    # One weight, off by a hundredth of the greatest, is noticed.
    spoiled = {name: value.copy() for name, value in kept.items()}
    spoiled["linear"][0, 0] += 0.05
    with pytest.raises(LogError, match=r"differ|order a list differently"):
        assert_parity(network, spoiled, file)


def test_a_file_with_another_weight_is_refused(tmp_path: Path) -> None:
    file = export(saved(tmp_path, Linear(NAMES), random_weights(Linear(NAMES))), name="whole")
    model = onnx.load_from_string(file)
    for tensor in model.graph.initializer:
        if tensor.name == "linear_q":
            values = numpy_helper.to_array(tensor).copy()
            values[0, 0] ^= 64
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    with pytest.raises(_core.NearsideError):
        _core.Ranker(model.SerializeToString())


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path, Attention(NAMES), random_weights(Attention(NAMES)))
    monkeypatch.setattr(exporting, "MOST_BYTES", 20_000)
    with pytest.raises(LogError, match=r"^the model has 2\d,\d{3} bytes; a page may load 20,000$"):
        export(folder, name="large")


def test_what_is_slow_is_refused_with_its_milliseconds(tmp_path: Path) -> None:
    folder = saved(tmp_path, Linear(NAMES), random_weights(Linear(NAMES)))
    with pytest.raises(
        LogError, match=r"200 candidates with 50 clicks takes the model \d+\.\d ms here, and may take 1e-06"
    ):
        export(folder, name="slow", most_ms=1e-6)
    assert 0 < milliseconds(export(folder, name="quick", most_ms=1e6), rounds=2) < 1e6


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0", "a\u202eb", "x" * 129])
def test_a_name_can_be_shown(tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path, Linear(NAMES), random_weights(Linear(NAMES)))
    with pytest.raises((LogError, _core.NearsideError), match=r"needs a name|nearside\.id is not 1 to 128 letters"):
        export(folder, name=name)


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    rows = made_rows(np.random.default_rng(9), impressions=100)
    for changes, sentence in (
        ({"features": ("cosine_top3", "shoe_size")}, "no column shoe_size"),
        ({"network": "oracle"}, "there is no network oracle; there are linear, attention"),
        ({"epochs": 0}, "--epochs must be at least 1"),
        ({"rate": 1e38}, "no finite loss"),
        ({"held_out": 0.01}, "are too few"),
    ):
        settings: dict[str, Any] = {"features": NAMES, "seeds": 1, "epochs": 3, **changes}
        with pytest.raises(LogError, match=sentence):
            train(rows, Settings(**settings))
    with pytest.raises(LogError, match=r"has no training\.json"):
        export(tmp_path, name="nothing")
    with pytest.raises(LogError, match=r"has no features\.json"):
        read_rows(tmp_path, minimum_evidence=2)


def test_rows_come_back_from_disk(tmp_path: Path) -> None:
    simulate(tmp_path / "log", readers=30, impressions=500, days=7, articles_per_day=30, candidates=12, seed=5)
    log = Log.open(tmp_path / "log")
    batches = [batch for batch, _ in replay(log, size=100)]
    count = write_rows(tmp_path / "features", log, iter(batches), _core.FEATURES)
    assert count == sum(len(batch.article) for batch in batches)
    rows = read_rows(tmp_path / "features", minimum_evidence=2)
    kept = []
    for batch in batches:
        for at in range(len(batch.evidence)):
            here = slice(batch.offsets[at], batch.offsets[at + 1])
            clicks, scored = batch.clicked[here].sum(), batch.scorable[here].sum()
            if 0 < clicks < len(batch.clicked[here]) and scored > 1 and batch.evidence[at] >= 2:
                kept.append((batch.evidence[at], batch.second[at], batch.features[here], batch.server_logit[here]))
    assert 20 < len(kept) < len(log.impression_ids())
    np.testing.assert_array_equal(rows.evidence, [evidence for evidence, *_ in kept])
    np.testing.assert_array_equal(rows.second, [second for _, second, *_ in kept])
    np.testing.assert_array_equal(rows.features, np.concatenate([features for *_, features, _ in kept]))
    np.testing.assert_array_equal(rows.server_logit, np.concatenate([logits for *_, logits in kept]))
    np.testing.assert_array_equal(rows.vectors, log.articles.vectors)
    latest = read_rows(tmp_path / "features", minimum_evidence=2, most=20)
    np.testing.assert_array_equal(latest.evidence, rows.evidence[-20:])
    np.testing.assert_array_equal(latest.features, rows.features[-int(latest.offsets[-1]) :])
    np.testing.assert_array_equal(latest.history, rows.history[-int(latest.history_offsets[-1]) :])
    with pytest.raises(LogError, match="has no impression with a click and 60 clicks before it"):
        read_rows(tmp_path / "features", minimum_evidence=60)
    with pytest.raises(LogError, match="is not an empty directory"):
        write_rows(tmp_path / "features", log, iter(batches), _core.FEATURES)


def test_lists_are_taken_whole() -> None:
    rows = made_rows(np.random.default_rng(10), impressions=5, longest=10)
    (group,) = padded(rows, np.arange(5), strength=0.8, k=10)
    part = group.take(np.array([3, 1]))
    assert isinstance(part, Lists)
    for name, values in vars(part).items():
        np.testing.assert_array_equal(values, getattr(group, name)[[3, 1]])
