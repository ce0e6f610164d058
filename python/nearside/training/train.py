"""Trains a reranker on feature rows.

The loss is a listwise softmax over exactly what is served: `server_logit + w * personal`, the first term a fixed
offset, `w = strength * n / (n + k)`, `personal` the network's score minus its mean over the candidates it can score. A
bias a slot takes up what was clicked for where it stood (Craswell et al. 2008); it is left out at serving. A later
slice of time says when to stop.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from nearside.log import LogError
from nearside.rows import Rows
from nearside.training.batches import POSITIONS, Lists, padded, shuffled
from nearside.training.networks import NETWORKS, Network, dequantise, quantise

# What a personal score is made of by default. Left out: what the server knows (its logit, the age), numbers that are
# one for the whole list, lifts and counts, which say worse what the shares say (LOG.md), and what needs views
# (`topic_rate`, `log_times_seen`): add those for a log that has them.
PERSONAL = (
    "cosine_mean",
    "cosine_max",
    "cosine_top3",
    "cosine_attention",
    "cosine_recent",
    "cosine_session",
    "topic_share",
    "subtopic_share",
    "cosine_hidden",
)


@dataclass(frozen=True)
class Settings:
    """Everything that decides a training run besides its data."""

    network: str = "linear"
    features: tuple[str, ...] = PERSONAL
    strength: float = 0.8
    k: float = 10.0
    minimum_evidence: float = 2.0
    seeds: int = 3
    epochs: int = 30
    patience: int = 3
    minibatch: int = 256
    rate: float = 0.005
    decay: float = 0.02  # weight of the sum of squared weights, per impression
    held_out: float = 0.15  # share of the time span, the latest


@dataclass(frozen=True)
class Trained:
    """One seed's outcome. Losses are mean negative log-likelihoods of a click, by dequantised weights."""

    seed: int
    weights: dict[str, NDArray[np.float32]]
    bias: NDArray[np.float32]  # [POSITIONS]
    training_loss: float
    held_out_loss: float
    epochs: int


@dataclass(frozen=True)
class Run:
    """A training run: all seeds, the best by the held-out slice first, and the loss of the server's order alone."""

    settings: Settings
    space: str
    seeds: list[Trained]
    server_loss: float
    impressions: tuple[int, int]  # trained on, held out

    @property
    def best(self) -> Trained:
        """The seed with the least held-out loss."""
        return self.seeds[0]

    def summary(self) -> dict[str, Any]:
        """What `training.json` says."""
        losses = [seed.held_out_loss for seed in self.seeds]
        return {
            "settings": asdict(self.settings),
            "space": self.space,
            "impressions": {"trained": self.impressions[0], "held_out": self.impressions[1]},
            "held_out_loss": {
                "server_order": self.server_loss,
                "best": min(losses),
                "mean": float(np.mean(losses)),
                "spread": float(np.ptp(losses)),
            },
            "seeds": [
                {
                    "seed": seed.seed,
                    "epochs": seed.epochs,
                    "training_loss": seed.training_loss,
                    "held_out_loss": seed.held_out_loss,
                }
                for seed in self.seeds
            ],
        }


def train(rows: Rows, settings: Settings, progress: Callable[[str, int, int], None] | None = None) -> Run:
    """Trains every seed. `progress` is told the seed, the epoch and how many epochs there can be."""
    missing = [name for name in settings.features if name not in rows.names]
    if missing:
        raise LogError(f"the feature rows have no column {', '.join(missing)}: replay the log with it")
    if settings.network not in NETWORKS:
        raise LogError(f"there is no network {settings.network}; there are {', '.join(NETWORKS)}")
    columns = [rows.names.index(name) for name in settings.features]
    network = NETWORKS[settings.network](settings.features)
    first, last = int(rows.second[0]), int(rows.second[-1])
    border = last - settings.held_out * (last - first)
    early, late = np.flatnonzero(rows.second < border), np.flatnonzero(rows.second >= border)
    if len(early) < 10 or len(late) < 10:
        raise LogError(f"{len(early)} impressions to train on and {len(late)} to hold out are too few")
    groups = [_narrow(padded(rows, part, strength=settings.strength, k=settings.k), columns) for part in (early, late)]
    vectors = jnp.asarray(_unit(rows.vectors))
    seeds = [_train_seed(network, groups, vectors, settings, seed, progress) for seed in range(settings.seeds)]
    seeds.sort(key=lambda seed: seed.held_out_loss)
    loss = _losses(network)
    # Without the personal part, whose set terms count even where nothing was learned.
    silent = [replace(group, weight=np.zeros_like(group.weight)) for group in groups[1]]
    best = seeds[0]
    server = min(
        _mean_loss(loss, best.weights, jnp.asarray(bias), silent, vectors) for bias in (best.bias, 0 * best.bias)
    )
    return Run(settings, rows.about["space"], seeds, server, (len(early), len(late)))


def _narrow(groups: list[Lists], columns: list[int]) -> list[Lists]:
    return [replace(group, features=group.features[:, :, columns]) for group in groups]


def _unit(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths > 0, lengths, 1).astype(np.float32)


def _losses(network: Network) -> Callable[..., jax.Array]:
    """A compiled function: weights, bias, lists, vectors -> the loss of each impression f32[B]."""

    def one(weights: Any, bias: jax.Array, of: dict[str, jax.Array], vectors: jax.Array) -> jax.Array:
        inputs: dict[str, Any] = {"features": of["features"]}
        if network.uses_history:
            inputs["candidates"] = vectors[of["article"]]
            inputs["history"] = vectors[of["history"]]
            inputs |= {name: of[name] for name in ("history_weight", "history_mask")}
        score = network.score(weights, inputs)
        mean = jnp.sum(score * of["scorable"]) / jnp.maximum(jnp.sum(of["scorable"]), 1)
        personal = jnp.where(of["scorable"], score - mean, 0)
        total = of["server_logit"] + of["weight"] * personal + bias[of["position"]]
        likelihood = jax.nn.log_softmax(jnp.where(of["valid"], total, -1e9))
        return -jnp.sum(likelihood * of["clicked"]) / jnp.maximum(jnp.sum(of["clicked"]), 1)

    return jax.jit(jax.vmap(one, in_axes=(None, None, 0, None)))


def _mean_loss(
    loss: Callable[..., jax.Array], weights: Any, bias: jax.Array, groups: list[Lists], vectors: jax.Array
) -> float:
    total = 0.0
    for group in groups:
        for start in range(0, len(group), 1024):
            part = group.take(np.arange(start, min(start + 1024, len(group))))
            total += float(jnp.sum(loss(weights, bias, vars(part), vectors)))
    return total / sum(len(group) for group in groups)


def _train_seed(
    network: Network,
    groups: list[list[Lists]],
    vectors: jax.Array,
    settings: Settings,
    seed: int,
    progress: Callable[[str, int, int], None] | None,
) -> Trained:
    random = np.random.default_rng(seed)
    losses = _losses(network)
    optimiser = optax.adam(settings.rate)
    weights = network.init(jax.random.key(seed))
    if "first" in weights:
        # Nothing can be learned of a feature that is 0 throughout (hides), so nothing shall be made of it either.
        silent = np.all([~group.features.any(axis=(0, 1)) for group in groups[0]], axis=0)
        weights["first"] = weights["first"].at[: len(silent)].multiply(jnp.asarray(~silent)[:, None])
    variables = (weights, jnp.zeros(POSITIONS))
    state = optimiser.init(variables)

    def objective(variables: Any, of: dict[str, jax.Array]) -> jax.Array:
        weights, bias = variables
        squares = sum(jnp.sum(value**2) for value in weights.values())
        return jnp.mean(losses(weights, bias, of, vectors)) + settings.decay / 100 * squares

    @jax.jit
    def step(variables: Any, state: Any, of: dict[str, jax.Array]) -> tuple[Any, Any, jax.Array]:
        loss, gradient = jax.value_and_grad(objective)(variables, of)
        updates, state = optimiser.update(gradient, state)
        return optax.apply_updates(variables, updates), state, loss

    best: Trained | None = None
    for epoch in range(1, settings.epochs + 1):
        seen = []
        for part in shuffled(groups[0], settings.minibatch, random):
            variables, state, loss = step(variables, state, vars(part))
            seen.append(float(loss))
        weights = dequantise(quantise(variables[0]))
        held_out = _mean_loss(losses, weights, variables[1], groups[1], vectors)
        if not np.isfinite(held_out):
            raise LogError(f"training came to no finite loss in epoch {epoch}: lower --rate")
        if best is None or held_out < best.held_out_loss:
            exact = {name: np.asarray(value) for name, value in variables[0].items()}
            bias = np.asarray(variables[1])
            best = Trained(seed, exact, bias, float(np.mean(seen)), held_out, epoch)
        if progress:
            progress(f"seed {seed}", epoch, settings.epochs)
        if epoch - best.epochs >= settings.patience:
            break
    if best is None:
        raise LogError("nothing was trained: --epochs must be at least 1")
    return best


def save_run(run: Run, folder: Path, log: Mapping[str, Any]) -> None:
    """Writes `weights.safetensors` (the best seed's) and `training.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(value) for name, value in run.best.weights.items() if value.size}
    save_file(arrays | {"position_bias": run.best.bias}, folder / "weights.safetensors")
    (folder / "training.json").write_text(json.dumps({"log": dict(log), **run.summary()}, indent=2) + "\n", "utf-8")


def load_run(folder: Path) -> tuple[Network, dict[str, NDArray[np.float32]], dict[str, Any]]:
    """The network, its weights and the summary of a run."""
    about_file = folder / "training.json"
    if not about_file.is_file():
        raise LogError(f"{folder} has no training.json: it is written by `nearside train`")
    about = json.loads(about_file.read_text("utf-8"))
    settings = about["settings"]
    network = NETWORKS[settings["network"]](tuple(settings["features"]))
    weights = load_file(folder / "weights.safetensors")
    weights.pop("position_bias")
    empty = {name: np.asarray(value) for name, value in network.init(jax.random.key(0)).items() if value.size == 0}
    return network, weights | empty, about
