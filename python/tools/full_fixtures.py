"""Writes the fixtures of the full flavour, with ONNX Runtime as the reference.

    uv run --with lightgbm==4.7.0 python tools/full_fixtures.py ../tests/fixtures

Two rerankers that the compact engine refuses, both with contract and golden case. `transformer.onnx`: one block of a
transformer, weights drawn at random. Candidates attend to each other and to the history, so that a score depends on
the list. `trees.onnx`: a LambdaRank ensemble, trained by LightGBM on rows drawn around those of the golden case;
written as ONNX's `TreeEnsembleRegressor`, node for node.

Beside each a `.bin` with inputs of several sizes and the scores ONNX Runtime gives them, as `conformance_fixtures.py`
lays such files out. And `full-lists.jsonl`: lists and histories as a page has them, in the form of
`models/golden.json`, each with the scores of both models less their mean, which is what `explain` tells of a story.

Everything is drawn from fixed seeds: the same versions of the packages write the same bytes.
"""

import base64
import json
import struct
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightgbm  # pyright: ignore[reportMissingImports]  # comes with the command above
import numpy as np
import onnx
from conformance_fixtures import blob, build, longs, tensor, text, write
from onnx import TensorProto, helper

from nearside.contract import FEATURES, Contract, observe, scores, write_contract
from nearside.space import DIMENSION, Space

WIDTH, HEADS, HIDDEN = 32, 2, 64
SPACE = Space.load().name
rng = np.random.default_rng(23)


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def output() -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"])


def transformer() -> onnx.ModelProto:
    """Pre-norm block with Shape, Split and Einsum, as exporters write them: none of them runs on the compact engine."""
    node = helper.make_node
    constants: dict[str, np.ndarray] = {"zero": longs(0), "axis0": longs(0), "minus1": longs(-1)}

    def weights(name: str, rows: int, columns: int) -> str:
        constants[name] = normal(rows, columns) / np.float32(np.sqrt(rows))
        return name

    def norm(x: str, y: str) -> onnx.NodeProto:
        constants[f"{y}.scale"], constants[f"{y}.bias"] = 1 + normal(WIDTH) / 10, normal(WIDTH) / 10
        return node("LayerNormalization", [x, f"{y}.scale", f"{y}.bias"], [y], axis=-1)

    constants["heads"] = longs(0, HEADS, WIDTH // HEADS)
    constants["joined"] = longs(0, WIDTH)
    constants["sharpness"] = np.array((WIDTH // HEADS) ** -0.5, np.float32)
    constants["b1"], constants["b2"] = normal(HIDDEN) / 10, normal(WIDTH) / 10
    nodes = [
        node("Concat", ["features", "candidates"], ["known"], axis=1),  # [N,80]
        node("MatMul", ["known", weights("we", len(FEATURES) + DIMENSION, WIDTH)], ["embedded"]),
        norm("embedded", "x"),  # [N,32]
        node("Unsqueeze", ["history_weight", "minus1"], ["weight"]),
        node("Mul", ["history", "weight"], ["weighted"]),
        node("MatMul", ["weighted", weights("wh", DIMENSION, WIDTH)], ["h"]),  # [H,32]
        node("Concat", ["x", "h"], ["tokens"], axis=0),  # [T,32], T = N + H
        norm("tokens", "n1"),
        node("MatMul", ["n1", weights("wqkv", WIDTH, 3 * WIDTH)], ["qkv"]),
        node("Split", ["qkv"], ["all_q", "k", "v"], axis=1, num_outputs=3),
        node("Shape", ["features"], ["shape"]),
        node("Slice", ["shape", "zero", "one", "axis0"], ["n"]),
        node("Slice", ["all_q", "zero", "n", "axis0"], ["q"]),  # [N,32]
        *(node("Reshape", [name, "heads"], [f"{name}h"]) for name in "qkv"),
        node("Einsum", ["qh", "kh"], ["qk"], equation="nhd,thd->hnt"),
        node("Mul", ["qk", "sharpness"], ["logits"]),
        node("Softmax", ["logits"], ["attended"], axis=-1),
        node("Einsum", ["attended", "vh"], ["mixed"], equation="hnt,thd->nhd"),
        node("Reshape", ["mixed", "joined"], ["heads_joined"]),
        node("MatMul", ["heads_joined", weights("wo", WIDTH, WIDTH)], ["o"]),
        node("Add", ["x", "o"], ["r1"]),
        norm("r1", "n2"),
        node("MatMul", ["n2", weights("w1", WIDTH, HIDDEN)], ["m1"]),
        node("Add", ["m1", "b1"], ["a1"]),
        node("Gelu", ["a1"], ["g1"]),
        node("MatMul", ["g1", weights("w2", HIDDEN, WIDTH)], ["m2"]),
        node("Add", ["m2", "b2"], ["a2"]),
        node("Add", ["r1", "a2"], ["r2"]),
        norm("r2", "n3"),
        node("MatMul", ["n3", weights("ws", WIDTH, 1)], ["s"]),  # [N,1]
        node("Squeeze", ["s", "minus1"], ["score"]),  # [N]
    ]
    constants["one"] = longs(1)
    inputs = {
        "features": ["N", len(FEATURES)],
        "candidates": ["N", DIMENSION],
        "history": ["H", DIMENSION],
        "history_weight": ["H"],
    }
    return build(nodes, inputs, constants, [output()], 20)


def ranker(rows: np.ndarray) -> lightgbm.Booster:
    """LambdaRank on 300 lists of 20. Readers open what lies high in a few features, one only where another is low."""
    lists, length = 300, 20
    spread = rows.std(axis=0) + 0.1
    drawn = rows[rng.integers(len(rows), size=lists * length)] + normal(lists * length, len(FEATURES)) * spread
    wanted = normal(len(FEATURES)) * (rng.random(len(FEATURES)) < 0.6)
    z = (drawn - rows.mean(axis=0)) / spread
    liked = (z @ wanted + 2 * (z[:, 0] > 0) * (z[:, 5] < 0) + normal(len(z)) / 2).reshape(lists, length)
    grades = np.digitize(liked.argsort(axis=1).argsort(axis=1), [10, 16, 19])
    data = lightgbm.Dataset(drawn, grades.ravel(), group=[length] * lists, feature_name=list(FEATURES))
    settings = {
        "objective": "lambdarank",
        "num_leaves": 15,
        "learning_rate": 0.1,
        "min_data_in_leaf": 20,
        "seed": 23,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return lightgbm.train(settings, data, num_boost_round=24)


def at_most(threshold: float) -> float:
    """The greatest f32 not above the f64: for every x of type f32 then `x <= threshold` is the same question."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))


def ensemble(booster: lightgbm.Booster) -> onnx.ModelProto:
    """The booster's trees as one `TreeEnsembleRegressor`."""
    columns = ("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids")
    nodes: dict[str, list] = {f"nodes_{name}": [] for name in columns}
    leaves: dict[str, list] = {f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}

    def add(tree: int, node: dict) -> int:
        place = sum(1 for id_ in nodes["nodes_treeids"] if id_ == tree)
        is_leaf = "leaf_value" in node
        row = (tree, place, "LEAF", 0, 0.0, 0, 0)
        if not is_leaf:
            if node["decision_type"] != "<=":
                raise ValueError(node["decision_type"])
            row = (tree, place, "BRANCH_LEQ", node["split_feature"], at_most(node["threshold"]), 0, 0)
        for values, value in zip(nodes.values(), row, strict=True):
            values.append(value)
        at = len(nodes["nodes_treeids"]) - 1
        if is_leaf:
            for values, value in zip(leaves.values(), (tree, place, 0, node["leaf_value"]), strict=True):
                values.append(value)
        else:
            nodes["nodes_truenodeids"][at] = add(tree, node["left_child"])
            nodes["nodes_falsenodeids"][at] = add(tree, node["right_child"])
        return place

    for tree in booster.dump_model()["tree_info"]:
        add(tree["tree_index"], tree["tree_structure"])
    attributes: dict[str, Any] = {"n_targets": 1, **nodes, **leaves}
    regressor = helper.make_node("TreeEnsembleRegressor", ["features"], ["scores"], domain="ai.onnx.ml", **attributes)
    squeeze = helper.make_node("Squeeze", ["scores", "minus1"], ["score"])
    model = build([regressor, squeeze], {"features": ["N", len(FEATURES)]}, {"minus1": longs(-1)}, [output()], 17)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    return model


def unit(rows: int) -> np.ndarray:
    x = normal(rows, DIMENSION)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def case(model: bytes, names: list[str], rows: np.ndarray, candidates: int, history: int) -> bytes:
    weight = rng.uniform(0.1, 3.0, history).astype(np.float32)
    spread = rows.std(axis=0) + 0.1
    features = rows[rng.integers(len(rows), size=candidates)] + normal(candidates, len(FEATURES)) * spread
    inputs = {
        "features": features.astype(np.float32),
        "candidates": unit(candidates),
        "history": unit(history),
        "history_weight": weight / weight.sum(),
    }
    head = text(f"{candidates} x {history}") + blob(b"") + struct.pack("<I", len(names))
    head += b"".join(tensor(inputs[name]) for name in names)
    return head + b"\x00" + struct.pack("<I", 1) + tensor(scores(model, inputs))


def article(name: str, centres: np.ndarray) -> dict:
    """What a page says of a story; one of a topic's lies near the topic's centre."""
    topic = int(rng.integers(len(centres)))
    vector = np.clip(np.rint(60 * centres[topic] + 20 * normal(DIMENSION)), -127, 127).astype(np.int8)
    return {
        "id": name,
        "topic": f"topic-{topic}",
        "subtopic": f"topic-{topic}-{rng.integers(3)}",
        "vector": base64.b64encode(vector.tobytes()).decode("ascii"),
    }


def page(candidates: int, clicks: int) -> dict:
    """A list and its reader's history, of the last twelve days."""
    now = 1_768_500_000_000
    centres = normal(6, DIMENSION)
    items = []
    for place in range(candidates):
        about = article(f"story-{place}", centres)
        published = datetime.fromtimestamp(now / 1000 - 60 * float(rng.integers(10, 3000)), UTC)
        shows = int(rng.integers(200, 4000))
        extension = {name: about[name] for name in ("topic", "subtopic", "vector")}
        extension |= {"shows": shows, "clicks": int(shows * rng.uniform(0.01, 0.1))}
        items.append({"id": about["id"], "date_published": published.isoformat(), "_nearside": extension})
    events = []
    for place, ago in enumerate(sorted(rng.integers(1, 288, clicks).tolist(), reverse=True)):
        opened = {"type": "click", **article(f"read-{place}", centres), "ms": now - ago * 3_600_000}
        events.append(opened)
        if rng.random() < 0.7:
            seconds = int(rng.integers(3, 240))
            events.append(
                {"type": "dwell", "id": opened["id"], "seconds": seconds, "ms": opened["ms"] + 1000 * seconds}
            )
    events.append({"type": "view", "id": "story-0", "ms": now - 600_000})
    return {"now": now, "feed": {"items": items}, "events": sorted(events, key=lambda event: event["ms"])}


def answered(list_: dict, models: dict[str, bytes]) -> dict:
    """With each model's scores less their mean, by the crate's features and ONNX Runtime."""
    with tempfile.TemporaryDirectory() as scratch:
        case = Path(scratch) / "list.json"
        case.write_text(json.dumps(list_), "utf-8")
        inputs = observe(FEATURES, SPACE, case).inputs
    raw = {name: scores(model, inputs).astype(np.float64) for name, model in models.items()}
    return {**list_, "personal": {name: (score - score.mean()).tolist() for name, score in raw.items()}}


def main(folder: Path) -> None:
    observed = observe(FEATURES, SPACE)
    rows = observed.inputs["features"]
    models: dict[str, bytes] = {}
    for name, model, sizes in [
        ("transformer", transformer(), [(1, 1), (7, 3), (20, 50)]),
        ("trees", ensemble(ranker(rows)), [(1, 1), (7, 3), (20, 50), (200, 50)]),
    ]:
        file = write_contract(model, Contract(f"fixture-{name}", FEATURES, SPACE), observed)
        models[name] = file
        (folder / f"{name}.onnx").write_bytes(file)
        print(f"{folder / name}.onnx: {len(file)} bytes")
        names = [value.name for value in model.graph.input]
        write(folder / f"{name}.bin", [case(file, names, rows, n, h) for n, h in sizes])
    lists = [answered(page(n, clicks), models) for n, clicks in [(2, 3), (12, 1), (30, 12), (45, 60)]]
    (folder / "full-lists.jsonl").write_text("".join(json.dumps(list_) + "\n" for list_ in lists), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
