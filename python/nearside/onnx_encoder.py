"""Any sentence encoder that a directory holds as ONNX, as sentence-transformers and Optimum write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from nearside.encoder import Encoder, EncoderError, Floats, TextEncoder, session
from nearside.space import sha256

INPUTS: tuple[str, ...] = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = ("sentence_embedding", "last_hidden_state", "token_embeddings")  # looked for in this order
INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
MAX_TOKENS = 512  # where neither directory nor tokenizer has a limit
MODULES = ("Transformer", "Pooling", "Normalize")  # of sentence-transformers, that are run here


def open_encoder(directory: Path | None = None) -> TextEncoder:
    """The encoder of a directory; without one, the default.

    A directory has `tokenizer.json` and `model.onnx`, `onnx/model.onnx` or a single other `.onnx` file; or, for the
    architecture of the default one, `model.safetensors`.

    Raises `EncoderError` where it has not.
    """
    if directory is None:
        return Encoder()
    if not directory.is_dir():
        raise EncoderError(f"{directory} is no directory of an encoder")
    if not (directory / "tokenizer.json").is_file():
        raise EncoderError(f"{directory} has no tokenizer.json")
    model = find_model(directory)
    if model is not None:
        return OnnxEncoder(directory, model)
    if not (directory / "model.safetensors").is_file():
        raise EncoderError(f"{directory} has neither an ONNX file nor model.safetensors")
    if pooling(directory) != "mean":
        raise EncoderError(f"{directory}: without an ONNX file only the mean of the tokens is taken")
    return Encoder(directory)


def find_model(directory: Path) -> Path | None:
    """The ONNX file of a directory, if it has one."""
    for place in (directory / "model.onnx", directory / "onnx" / "model.onnx"):
        if place.is_file():
            return place
    found = sorted([*directory.glob("*.onnx"), *directory.glob("onnx/*.onnx")])
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(directory)) for path in found)
        raise EncoderError(f"{directory} has several ONNX files and none is model.onnx: {names}")
    return found[0] if found else None


class OnnxEncoder(TextEncoder):
    """Runs `input_ids`, `attention_mask` and, if it wants them, `token_type_ids`, each i64[1, T].

    An output [1, W] is taken as it is; of one [1, T, W] the mean over the tokens, or the first if the directory
    says so.
    """

    def __init__(self, directory: Path, model: Path) -> None:
        self.name = directory.resolve().name
        self.weights_sha256 = sha256(model)
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(token_limit(directory, self._tokenizer))
        self._pooling = pooling(directory)
        try:
            self._session = session(str(model))
        except Exception as error:  # ONNX Runtime's errors have no common class of their own
            raise EncoderError(f"{model}: ONNX Runtime cannot load it: {str(error).splitlines()[0]}") from error
        self._inputs: dict[str, type] = {}
        for declared in self._session.get_inputs():
            if declared.name not in INPUTS or declared.type not in INTEGERS:
                raise EncoderError(f"{model} wants `{declared.name}` as {declared.type}; given are {', '.join(INPUTS)}")
            self._inputs[declared.name] = INTEGERS[declared.type]
        names = [output.name for output in self._session.get_outputs()]
        self._output = next((name for name in OUTPUTS if name in names), names[0])
        self.width = 0
        self.width = len(self.encode_one("A probe."))

    def encode_one(self, text: str) -> Floats:
        tokens = self._tokenizer.encode(text)
        if not tokens.ids:  # a tokenizer without special tokens, a text without any of its own
            return np.zeros(self.width, np.float32)
        values: dict[str, list[int]] = dict(
            zip(INPUTS, (tokens.ids, tokens.attention_mask, tokens.type_ids), strict=True)
        )
        given = {name: np.array([values[name]], kind) for name, kind in self._inputs.items()}
        (output,) = self._session.run([self._output], given)
        return unit(self._pooled(np.asarray(output, np.float32), np.array(tokens.attention_mask)))

    def _pooled(self, output: NDArray[np.float32], mask: NDArray[Any]) -> Floats:
        if output.ndim == 2 and len(output) == 1:
            return output[0]
        if output.ndim != 3 or output.shape[:2] != (1, len(mask)):
            raise EncoderError(
                f"{self.name}: `{self._output}` is of shape {list(output.shape)}, not [1, T, W] or [1, W]"
            )
        return output[0, 0] if self._pooling == "cls" else output[0][mask > 0].mean(axis=0)


def unit(vector: Floats) -> Floats:
    """The vector at length one; zeros where it has no direction."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / length).astype(np.float32) if 0 < length < np.inf else np.zeros_like(vector)


def pooling(directory: Path) -> str:
    """`mean` or `cls`, as a sentence-transformers directory says; `mean` where it does not.

    Raises `EncoderError` for what is not run here.
    """
    modules = _json(directory / "modules.json") or []
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    other = [kind for kind in kinds if kind not in MODULES]
    if other:
        raise EncoderError(f"{directory} has a module {other[0]}, which is not run here; run are {', '.join(MODULES)}")
    config = _json(directory / "1_Pooling" / "config.json") or {}
    modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on is True]
    match modes:
        case [] | ["pooling_mode_mean_tokens"]:
            return "mean"
        case ["pooling_mode_cls_token"]:
            return "cls"
    raise EncoderError(f"{directory} pools by {', '.join(modes)}; only mean and first token are run here")


def token_limit(directory: Path, tokenizer: Tokenizer) -> int:
    """Tokens a text is cut at: what sentence-transformers says, else the tokenizer, else 512."""
    config = _json(directory / "sentence_bert_config.json") or {}
    limit = config.get("max_seq_length") or (tokenizer.truncation or {}).get("max_length") or MAX_TOKENS
    if not isinstance(limit, int) or limit < 1:
        raise EncoderError(f"{directory} has a max_seq_length of {limit}")
    return limit


def _json(path: Path) -> Any:
    """A JSON file's content; `None` where there is no file."""
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise EncoderError(f"{path} is no JSON: {error}") from error
