"""The contract that a model file carries: what it wants, and one golden case that it and the crate must agree on.

    uv run contract.py MODEL --id ID --features NAME,NAME,...        stamps an ONNX file in place

The features of the golden case come from the crate (`examples/golden.rs`), the scores from ONNX Runtime. The keys are
documented in `src/model/contract.rs`.
"""

import argparse
import base64
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from nearside.space import GOLDEN
from nearside.space import DIMENSION, ROOT

VERSION = "1"
# The features this version of the crate knows, in the order of the shipped model.
FEATURES = (
    "cosine_mean",
    "cosine_max",
    "cosine_top3",
    "cosine_attention",
    "cosine_recent",
    "cosine_session",
    "topic_lift",
    "subtopic_lift",
    "subtopic_count",
    "topic_rate",
    "topic_rate_known",
    "log_age_hours",
    "log_times_seen",
    "cosine_hidden",
    "log_history",
    "server_logit",
)
GOLDEN_KEYS = ("now", "ids", "topics", "subtopics", "vectors", "numbers", "flags", "profile", "features")


@dataclass(frozen=True)
class Contract:
    """What a model says of itself."""

    id: str
    features: tuple[str, ...]
    space: str
    k: int = 10


@dataclass(frozen=True)
class Observed:
    """The golden case as the crate sees it: metadata text by key, and the inputs of a model."""

    metadata: dict[str, str]
    inputs: dict[str, NDArray[np.float32]]


def observe(features: Sequence[str], case: Path = GOLDEN) -> Observed:
    """Asks the crate for the rows of the golden case."""
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "features"
        names.write_text("\n".join(features))
        command = ["cargo", "run", "--quiet", "--release", "--example", "golden", "--", str(names), str(case.resolve())]
        printed = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)

    def floats(key: str, *shape: int) -> NDArray[np.float32]:
        return np.frombuffer(base64.b64decode(printed[key]), "<f4").reshape(shape)

    inputs = {
        "features": floats("features", -1, len(features)),  # [N, F]
        "candidates": floats("candidates", -1, DIMENSION),  # [N, 64]
        "history": floats("history", -1, DIMENSION),  # [H, 64]
        "history_weight": floats("history_weight", -1),  # [H]
    }
    return Observed({key: printed[key] for key in GOLDEN_KEYS}, inputs)


def scores(model: bytes, inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Runs a model on those of the inputs that it declares."""
    options = onnxruntime.SessionOptions()
    # Else ONNX Runtime quantises the activations beside int8 weights as well, and scores are 0.03 off.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (output,) = session.run(["score"], {declared.name: inputs[declared.name] for declared in session.get_inputs()})
    return np.asarray(output, np.float32)


def write_contract(model: onnx.ModelProto, contract: Contract, observed: Observed) -> bytes:
    """Returns the model's file with contract and golden case, in place of any it has. Equal inputs give equal bytes."""
    del model.metadata_props[:]
    golden = scores(model.SerializeToString(deterministic=True), observed.inputs)
    if golden.shape != observed.inputs["features"].shape[:1] or not np.isfinite(golden).all():
        raise ValueError(f"the scores of the golden case are {golden}")
    metadata = {
        "contract": VERSION,
        "id": contract.id,
        "features": "\n".join(contract.features),
        "space": contract.space,
        "dimension": str(DIMENSION),
        "k": str(contract.k),
        **{f"golden.{key}": value for key, value in observed.metadata.items()},
        "golden.scores": base64.b64encode(golden.astype("<f4").tobytes()).decode("ascii"),
    }
    helper.set_model_props(model, {f"nearside.{key}": value for key, value in metadata.items()})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Stamps an ONNX model with its contract and the golden case.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--id", required=True, help="the model's name in outcomes and logs")
    parser.add_argument("--features", default=",".join(FEATURES), help="names, in the order of the columns")
    parser.add_argument("--k", type=int, default=10, help="clicks at which half of the strength is reached")
    arguments = parser.parse_args()
    features = tuple(arguments.features.split(","))
    space = json.loads(GOLDEN.read_text("utf-8"))["feed"]["_nearside"]["space"]
    contract = Contract(arguments.id, features, space, arguments.k)
    stamped = write_contract(onnx.load(arguments.model), contract, observe(features))
    arguments.model.write_bytes(stamped)
    print(f"{arguments.model}: {len(stamped):,} bytes")


if __name__ == "__main__":
    main()
