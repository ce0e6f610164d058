"""The contract that a model file carries: what it wants, and one golden case that it and the crate must agree on.

The features of the golden case come from the crate, the scores from ONNX Runtime. The keys are documented in
`src/model/contract.rs`.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from nearside import _core
from nearside.space import DIMENSION, GOLDEN, from_base64

VERSION = "1"
FEATURES = tuple(_core.FEATURES)  # the features this version of the crate knows


@dataclass(frozen=True)
class Contract:
    """What a model says of itself."""

    id: str
    features: tuple[str, ...]
    space: str
    k: float = 10


@dataclass(frozen=True)
class Observed:
    """The golden case as the crate sees it: metadata text by key, and the inputs of a model."""

    metadata: dict[str, str]
    inputs: dict[str, NDArray[np.float32]]


def observe(features: Sequence[str], space: str, case: Path = GOLDEN) -> Observed:
    """Asks the crate for the rows of the golden case, whose vectors are taken for ones of the space."""
    golden = json.loads(case.read_text("utf-8"))
    items = [_about(item) for item in golden["feed"]["items"]]
    # Views name no vector; the list itself or a click does.
    known = {about["id"]: about for about in (*golden["events"], *items) if "topic" in about and "vector" in about}
    row = {id_: at for at, id_ in enumerate(known)}
    articles = _core.Articles(
        list(known),
        [about["topic"] for about in known.values()],
        [about.get("subtopic", "") for about in known.values()],
        np.stack([from_base64(about["vector"]) for about in known.values()]),
        np.ones(len(known), np.bool_),
        np.array([about.get("published", np.nan) for about in known.values()]),
    )
    profile = _core.Profile(space)
    for event in golden["events"]:
        at, second = row[event["id"]], int(event["ms"] // 1000)
        match event["type"]:
            case "click":
                profile.click(articles, at, second)
            case "view":
                profile.view(articles, at, second)
            case "hide":
                profile.hide(articles, at, second)
            case "dwell":
                profile.dwell(articles, at, event["seconds"], second)
            case other:
                raise ValueError(f"the golden case has an event {other}")
    shows, clicks = (np.array([about[name] for about in items], np.float64) for name in ("shows", "clicks"))
    rows = np.array([row[about["id"]] for about in items], np.uint32)
    inputs = _core.inputs(list(features), articles, profile, golden["now"] // 1000, rows, shows, clicks)
    published = [about.get("published", np.nan) for about in items]
    numbers = np.stack([published, shows, clicks, np.full(len(items), np.nan)], axis=1)
    metadata = {
        "now": str(golden["now"]),
        "ids": "\n".join(about["id"] for about in items),
        "topics": "\n".join(about["topic"] for about in items),
        "subtopics": "\n".join(about.get("subtopic", "") for about in items),
        "vectors": _text(np.stack([from_base64(about["vector"]) for about in items])),
        "numbers": _text(numbers.astype("<f8")),
        "flags": _text(np.zeros(len(items), np.uint8)),
        "profile": base64.b64encode(profile.encode()).decode("ascii"),
        "features": _text(inputs["features"].astype("<f4")),
    }
    shapes = {"features": (-1, len(features)), "candidates": (-1, DIMENSION), "history": (-1, DIMENSION)}
    return Observed(metadata, {name: values.reshape(shapes.get(name, (-1,))) for name, values in inputs.items()})


def _about(item: dict[str, Any]) -> dict[str, Any]:
    """What the golden case says of a candidate."""
    about = {"id": item["id"], **item["_nearside"]}
    if "date_published" in item:
        about["published"] = datetime.fromisoformat(item["date_published"]).timestamp() * 1000
    return about


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


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
