"""Writes `tests/fixtures/hand-set.onnx`: a small network whose weights are reasoned, not learned.

    uv run tools/hand_set_model.py

The score is linear in the evidence for an article, after an untrained blend that did well on real impressions, and
three rectified units say what a straight line cannot. All weights are signed bytes under scales that are powers of two,
so each is exactly the number written here.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nearside.contract import Contract, observe, write_contract
from nearside.space import ROOT, Space

MODEL = ROOT / "tests" / "fixtures" / "hand-set.onnx"
ID = "hand-set-1"

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
# Log-odds of a click for one unit of each feature. Features not named have weight 0.
LINEAR = {
    "cosine_top3": 4.0,  # near some of the clicked articles: the strongest sign
    "cosine_recent": 4.0,  # near what the reader has been reading lately
    "cosine_session": 1.5,  # and in this very visit
    "topic_lift": 1.0,  # how much more often than by chance the reader picks the topic
    "subtopic_count": 0.5,
    "topic_rate": 0.5,  # shown and passed over is a sign, too; 0 where no views are known
    "log_times_seen": -0.25,  # seen before and still here: passed over, or read
}
# Beyond a threshold, a feature also counts so many log-odds for one unit.
RECTIFIED = [
    ("cosine_max", 0.9375, -120.0),  # read already (cosine 1): -7.5; less for the same story in other words
    ("cosine_hidden", 0.5, -8.0),  # like something hidden: at most -4
    ("cosine_hidden", 0.9375, -64.0),  # the hidden article itself: another -4
]


def signed_bytes(weights: NDArray[np.float64], scale: float) -> NDArray[np.int8]:
    """The weights in units of `scale`, of which each must be a whole number that fits a byte."""
    units = weights / scale
    if not (np.abs(units) <= 127).all() or not (units == np.rint(units)).all():
        raise ValueError(f"weights that are no multiples of {scale}, or too great: {weights}")
    return units.astype(np.int8)


def network() -> onnx.ModelProto:
    """Builds `score = features · linear + relu(features · gates - thresholds) · bends`."""
    width, units = len(FEATURES), len(RECTIFIED)
    linear = np.zeros((width, 1))
    for name, weight in LINEAR.items():
        linear[FEATURES.index(name)] = weight
    gates = np.zeros((width, units))
    for unit, (name, _, _) in enumerate(RECTIFIED):
        gates[FEATURES.index(name), unit] = 1.0
    thresholds = np.array([-threshold for _, threshold, _ in RECTIFIED], np.float32)
    bends = np.array([[weight] for _, _, weight in RECTIFIED])

    constants: dict[str, NDArray[np.generic]] = {
        "linear_q": signed_bytes(linear, 1 / 16),  # [F, 1]
        "linear_scale": np.array(1 / 16, np.float32),
        "gates_q": signed_bytes(gates, 1 / 64),  # [F, H]
        "gates_scale": np.array([1 / 64] * units, np.float32),  # one a unit, as in a learned model
        "thresholds": thresholds,  # [H]
        "bends_q": signed_bytes(bends, 1.0),  # [H, 1]
        "bends_scale": np.array(1.0, np.float32),
        "last_axis": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["linear_q", "linear_scale"], ["linear"]),
        helper.make_node("DequantizeLinear", ["gates_q", "gates_scale"], ["gates"], axis=1),
        helper.make_node("DequantizeLinear", ["bends_q", "bends_scale"], ["bends"]),
        helper.make_node("MatMul", ["features", "linear"], ["straight"]),  # [N, 1]
        helper.make_node("MatMul", ["features", "gates"], ["gated"]),  # [N, H]
        helper.make_node("Add", ["gated", "thresholds"], ["beyond"]),
        helper.make_node("Relu", ["beyond"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "bends"], ["bent"]),  # [N, 1]
        helper.make_node("Add", ["straight", "bent"], ["scores"]),
        helper.make_node("Squeeze", ["scores", "last_axis"], ["score"]),  # [N]
    ]
    graph = helper.make_graph(
        nodes,
        "reranker",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, producer_name="nearside", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the reranker whose weights are set by hand.")
    parser.add_argument("-o", "--output", type=Path, default=MODEL)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not what this makes")
    arguments = parser.parse_args()
    contract = Contract(ID, FEATURES, Space.load().name)
    model = write_contract(network(), contract, observe(FEATURES, contract.space))
    if arguments.check:
        if arguments.output.read_bytes() != model:
            sys.exit(f"{arguments.output}: out of date, run hand_set_model.py")
        print(f"{arguments.output}: as made")
        return
    arguments.output.write_bytes(model)
    print(f"{arguments.output}: {len(model):,} bytes")


if __name__ == "__main__":
    main()
