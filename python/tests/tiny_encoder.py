"""A sentence encoder of a few kilobytes, written as a directory: each word has a random vector."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

WORDS = tuple(f"word{at}" for at in range(200))
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
VOCABULARY = {word: at for at, word in enumerate((*SPECIAL, *WORDS))}


def sentences(count: int, seed: int = 1) -> list[str]:
    """Different texts of five words."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 5)) + f" word{at % 200}" for at in range(count)]


def table(width: int, seed: int) -> NDArray[np.float32]:
    """The vectors of the words, and of [CLS] and [SEP], f32[204, width]."""
    return np.random.default_rng(seed).normal(size=(len(VOCABULARY), width)).astype(np.float32)


def write_encoder(
    directory: Path,
    *,
    width: int = 96,
    seed: int = 1,
    output: str = "last_hidden_state",
    inputs: tuple[str, ...] = ("input_ids", "attention_mask", "token_type_ids"),
    name: str = "model.onnx",
) -> Path:
    """Writes `tokenizer.json` and an ONNX file. `sentence_embedding` is the sum over the tokens, [1, width]."""
    tokenizer = Tokenizer(WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.post_processor = TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
        single="[CLS] $A [SEP]", special_tokens=[(token, VOCABULARY[token]) for token in ("[CLS]", "[SEP]")]
    )
    nodes = [helper.make_node("Gather", ["words", "input_ids"], ["last_hidden_state"], axis=0)]
    shape: list[int | str] = [1, "T", width]
    if output == "sentence_embedding":
        nodes.append(helper.make_node("ReduceSum", ["last_hidden_state", "axes"], [output], keepdims=0))
        shape = [1, width]
    constants = [numpy_helper.from_array(table(width, seed), "words"), numpy_helper.from_array(np.array([1]), "axes")]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(input_, TensorProto.INT64, [1, "T"]) for input_ in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        constants,
    )
    file = directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return directory
