"""The two networks the lab trains, each as a JAX function and as the ONNX graph of the same arithmetic.

Weights are signed bytes under one float32 scale a column; the graph dequantises them. Whatever their training, both
also carry three terms that are set, not learned: no log has hides, and what was read already is not what a page is to
offer.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nearside.space import DIMENSION

Weights = Mapping[str, Any]
OPSET = 17

# Units that bend: 0 up to the threshold, rising from there to 1 at a feature of 1. Their weights, in log-odds, are set:
# what was read already loses 16, more than all cosines and shares can give; an article like a hidden one up to 6, the
# hidden one another 10.
BENDS = (("cosine_max", 0.9375, -16.0), ("cosine_hidden", 0.5, -6.0), ("cosine_hidden", 0.9375, -10.0))

HIDDEN = 44  # units of the attention network's hidden layer
KEY = 32  # width of its queries and keys
VALUE = 32  # width of what it takes from the history


class Network:
    """What both have: the fixed terms, and the inputs `features` f32[N, F], `candidates` f32[N, 64], `history` f32[H,
    64], `history_weight` f32[H], of which a graph declares those it uses."""

    name: str
    uses_history: bool

    def __init__(self, features: tuple[str, ...]) -> None:
        self.features = features
        # Column, slope, offset and weight of each unit: relu(slope * feature + offset) * weight.
        self.units = [
            (features.index(name), 1 / (1 - threshold), -threshold / (1 - threshold), weight)
            for name, threshold, weight in BENDS
            if name in features
        ]

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """Weights to start from."""
        raise NotImplementedError

    def score(self, weights: Weights, inputs: Mapping[str, Any]) -> jax.Array:
        """The score f32[N] of one list; `history_mask` bool[H] marks true entries where the history is padded."""
        raise NotImplementedError

    def graph(self, quantised: Mapping[str, "Quantised | NDArray[np.float32]"]) -> onnx.ModelProto:
        """The ONNX model, without its contract."""
        raise NotImplementedError

    def bent(self, features: Any) -> Any:
        """The terms of the bending units, f32[N]."""
        if not self.units:
            return jnp.zeros(features.shape[0])
        columns, *rest = (np.array(part) for part in zip(*self.units, strict=True))
        slopes, offsets, weights = (part.astype(np.float32) for part in rest)
        return jax.nn.relu(features[:, columns] * slopes + offsets) @ weights


class Linear(Network):
    """`score = features · linear + relu(features · gates + offsets) · bends`: it can be read off its weights."""

    name = "linear"
    uses_history = False

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        del key
        return {"linear": jnp.zeros((len(self.features), 1))}

    def score(self, weights: Weights, inputs: Mapping[str, Any]) -> jax.Array:
        features = inputs["features"]
        return (features @ weights["linear"])[:, 0] + self.bent(features)

    def graph(self, quantised: Mapping[str, "Quantised | NDArray[np.float32]"]) -> onnx.ModelProto:
        graph = Graph(self.features, uses_history=False)
        straight = graph.matmul("features", "linear", quantised["linear"])
        return graph.finish([straight, *graph.bends(self)])


class Attention(Network):
    """Target attention (Zhou et al. 2018): each candidate weighs the clicked articles, and two layers judge the match.

    A softmax over the clicked articles of scaled query-key products plus the log of their recency; about 18,000
    weights.
    Its vectors are those of the space it was trained in, so it needs a log of real articles.
    """

    name = "attention"
    uses_history = True

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        keys = jax.random.split(key, 5)
        # Queries and keys start as one projection, so that attention starts at the cosine.
        shared = jax.random.normal(keys[0], (DIMENSION, KEY)) / KEY**0.5
        width = len(self.features) + DIMENSION + 2 * VALUE
        value = jax.random.normal(keys[1], (DIMENSION, VALUE)) / DIMENSION**0.5
        return {
            "query": shared * 8**0.5,
            "key": shared * 8**0.5,
            "value": value,
            "match": value,
            "first": jax.random.normal(keys[2], (width, HIDDEN)) / width**0.5,
            "first_bias": jnp.zeros(HIDDEN),
            "second": jax.random.normal(keys[3], (HIDDEN, HIDDEN)) / HIDDEN**0.5,
            "second_bias": jnp.zeros(HIDDEN),
            "last": jnp.zeros((HIDDEN, 1)),
            "linear": jnp.zeros((len(self.features), 1)),
        }

    def score(self, weights: Weights, inputs: Mapping[str, Any]) -> jax.Array:
        features, candidates, history = inputs["features"], inputs["candidates"], inputs["history"]
        prior = jnp.log(inputs["history_weight"] + 1e-6)  # [H]
        logits = (candidates @ weights["query"]) @ (history @ weights["key"]).T + prior  # [N, H]
        if "history_mask" in inputs:
            logits = jnp.where(inputs["history_mask"][None, :], logits, -jnp.inf)
        interest = jax.nn.softmax(logits, axis=-1) @ (history @ weights["value"])  # [N, V]
        match = interest * (candidates @ weights["match"])  # [N, V]
        joined = jnp.concatenate([features, candidates, interest, match], axis=1)
        hidden = jax.nn.relu(joined @ weights["first"] + weights["first_bias"])
        hidden = jax.nn.relu(hidden @ weights["second"] + weights["second_bias"])
        straight = (features @ weights["linear"])[:, 0] + self.bent(features)
        return (hidden @ weights["last"])[:, 0] + straight

    def graph(self, quantised: Mapping[str, "Quantised | NDArray[np.float32]"]) -> onnx.ModelProto:
        graph = Graph(self.features, uses_history=True)
        query = graph.matmul("candidates", "query", quantised["query"])
        key = graph.matmul("history", "key", quantised["key"])
        products = graph.node("MatMul", query, graph.node("Transpose", key, perm=[1, 0]))  # [N, H]
        prior = graph.node("Log", graph.node("Add", "history_weight", graph.constant("tiny", np.array(1e-6))))
        attention = graph.node("Softmax", graph.node("Add", products, prior), axis=-1)
        interest = graph.node("MatMul", attention, graph.matmul("history", "value", quantised["value"]))
        match = graph.node("Mul", interest, graph.matmul("candidates", "match", quantised["match"]))
        hidden = graph.node("Concat", "features", "candidates", interest, match, axis=1)
        for layer in ("first", "second"):
            bias = quantised[f"{layer}_bias"]
            product = graph.matmul(hidden, layer, quantised[layer])
            hidden = graph.node("Relu", graph.node("Add", product, graph.constant(f"{layer}_bias", np.asarray(bias))))
        terms = [
            graph.matmul(hidden, "last", quantised["last"]),
            graph.matmul("features", "linear", quantised["linear"]),
            *graph.bends(self),
        ]
        return graph.finish(terms)


NETWORKS: dict[str, type[Network]] = {network.name: network for network in (Linear, Attention)}


class Quantised:
    """A matrix as signed bytes under one scale a column."""

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        greatest = np.abs(matrix).max(axis=0)
        self.scale = np.where(greatest > 0, greatest / 127, 1.0).astype(np.float32)
        self.bytes = np.clip(np.rint(matrix / self.scale), -127, 127).astype(np.int8)

    @property
    def matrix(self) -> NDArray[np.float32]:
        """What the bytes stand for."""
        return self.bytes.astype(np.float32) * self.scale


def quantise(weights: Weights) -> dict[str, Quantised | NDArray[np.float32]]:
    """Matrices as bytes; biases stay float32."""
    arrays = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    return {name: Quantised(array) if array.ndim == 2 and array.size else array for name, array in arrays.items()}


def dequantise(quantised: Mapping[str, Quantised | NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The weights as the exported file has them."""
    return {name: value.matrix if isinstance(value, Quantised) else value for name, value in quantised.items()}


class Graph:
    """An ONNX graph as it grows."""

    def __init__(self, features: tuple[str, ...], *, uses_history: bool) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        shapes: dict[str, list[str | int]] = {"features": ["N", len(features)]}
        if uses_history:
            shapes |= {"candidates": ["N", DIMENSION], "history": ["H", DIMENSION], "history_weight": ["H"]}
        self.inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node and gives the name of its output."""
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Adds a constant; floats become float32."""
        self.constants[name] = value.astype(np.float32) if value.dtype.kind == "f" else value
        return name

    def matmul(self, left: str, name: str, matrix: "Quantised | NDArray[np.float32]") -> str:
        """Adds `left · matrix`, the matrix as signed bytes."""
        if not isinstance(matrix, Quantised):
            matrix = Quantised(matrix)
        parts = [self.constant(f"{name}_q", matrix.bytes), self.constant(f"{name}_s", matrix.scale)]
        return self.node("MatMul", left, self.node("DequantizeLinear", *parts, axis=1))

    def bends(self, network: Network) -> list[str]:
        """Adds the terms of the bending units, if there are any."""
        if not network.units:
            return []
        gates = np.zeros((len(network.features), len(network.units)))
        for unit, (feature, slope, _, _) in enumerate(network.units):
            gates[feature, unit] = slope
        offsets = np.array([offset for _, _, offset, _ in network.units])
        weights = np.array([[weight] for *_, weight in network.units])
        beyond = self.node(
            "Add",
            self.node("MatMul", "features", self.constant("gates", gates)),
            self.constant("offsets", offsets),
        )
        return [self.node("MatMul", self.node("Relu", beyond), self.constant("bends", weights))]

    def finish(self, terms: list[str]) -> onnx.ModelProto:
        """Closes the graph with `score` f32[N], the sum of the terms f32[N, 1]."""
        total = terms[0]
        for term in terms[1:]:
            total = self.node("Add", total, term)
        axis = self.constant("last_axis", np.array([1], np.int64))
        self.nodes.append(helper.make_node("Squeeze", [total, axis], ["score"]))
        initializers = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"])
        graph = helper.make_graph(self.nodes, "reranker", self.inputs, [score], initializers)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, producer_name="nearside", opset_imports=opsets, ir_version=8)
