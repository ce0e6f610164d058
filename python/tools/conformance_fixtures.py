"""Writes the fixtures that the compact engine is tested against, with onnxruntime as the reference.

    pip install numpy onnx onnxruntime
    python python/tools/conformance_fixtures.py tests/fixtures

`conformance.bin`: small graphs with their inputs and the outputs that onnxruntime computes, or with the operator that
the engine refuses. Little-endian:

    file   u32 cases, then each
    case   text name, bytes model, u32 inputs, tensor*, u8 0, u32 outputs, tensor*
           text name, bytes model, u32 inputs, tensor*, u8 1, text refused operator
    text   u32 length, UTF-8
    bytes  u32 length, bytes
    tensor u32 rank, u32 dimension*, f32 element*          integers and truth values as floats

`attention-20k.onnx`: a reranker of about 20,000 int8 weights, drawn at random, that attends to the history; with
`attention-20k.bin`, a file like the above (three sizes of inputs, with onnxruntime's scores).

`attention-48k.onnx`: the same with a wider hidden layer, about 48,000 weights, for benchmarks.

Everything is drawn from fixed seeds: the same versions of the packages write the same bytes.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from nearside.contract import FEATURES, Contract, observe, write_contract
from nearside.space import Space

SESSION = ort.SessionOptions()
# Else int8 weights meet activations that were quantised, too: 3e-2 off.
SESSION.add_session_config_entry("session.disable_quant_qdq", "1")
SESSION.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
SESSION.log_severity_level = 3

IR_VERSION = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10}
OPSETS = range(13, 22)
rng = np.random.default_rng(20)


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return rng.uniform(0.1, 3.0, shape).astype(np.float32)


def int8(*shape: int) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)


def longs(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def build(nodes, inputs: dict, constants: dict, outputs, opset: int) -> onnx.ModelProto:
    """A model over float inputs (name -> shape) and initializers (name -> array)."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        outputs,
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION[opset], producer_name="")


def text(value: str) -> bytes:
    return blob(value.encode())


def blob(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def tensor(array: np.ndarray) -> bytes:
    shape = struct.pack(f"<{1 + array.ndim}I", array.ndim, *array.shape)
    return shape + np.ascontiguousarray(array).astype("<f4").tobytes()


def write(path: Path, cases: list[bytes]) -> None:
    path.write_bytes(struct.pack("<I", len(cases)) + b"".join(cases))
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


def encode(name: str, model: onnx.ModelProto, inputs: dict, refused: str | None = None) -> bytes:
    data, inputs = model.SerializeToString(), {key: np.asarray(array) for key, array in inputs.items()}
    head = text(name) + blob(data) + struct.pack("<I", len(inputs))
    head += b"".join(tensor(array) for array in inputs.values())
    if refused is not None:
        return head + b"\x01" + text(refused)
    results = ort.InferenceSession(data, SESSION, providers=["CPUExecutionProvider"]).run(None, inputs)
    return head + b"\x00" + struct.pack("<I", len(results)) + b"".join(tensor(np.asarray(r)) for r in results)


class Cases:
    def __init__(self) -> None:
        self.cases: list[bytes] = []
        self.accepted: dict[tuple[str, int], list[dict]] = {}  # the arguments of `add`, by operator and opset

    def add(self, operator, inputs, constants=None, opset=17, refused=None, label="", out=None, **attributes):
        """One node. `inputs` and `constants` map names to arrays in the order of the node's inputs; None: left out."""
        if refused is None:
            given = {"inputs": inputs, "constants": constants, "label": label, "out": out, **attributes}
            self.accepted.setdefault((operator, opset), []).append(given)
        inputs = {name: None if array is None else np.asarray(array) for name, array in inputs.items()}
        constants = {name: None if array is None else np.asarray(array) for name, array in (constants or {}).items()}
        both = {**inputs, **constants}
        names = ["" if both[name] is None else name for name in sorted(both)]
        node = helper.make_node(operator, names, ["y"], **attributes)
        output = onnx.ValueInfoProto(name="y")
        if out is not None:
            output = helper.make_tensor_value_info("y", out, None)
        model = build(
            [node],
            {name: array.shape for name, array in inputs.items() if array is not None},
            {name: array for name, array in constants.items() if array is not None},
            [output],
            opset,
        )
        shapes = " ".join(str(list(array.shape)).replace(" ", "") for array in both.values() if array is not None)
        self.cases.append(encode(f"{operator}-{opset} {shapes} {label}".strip(), model, inputs, refused))

    def graph(self, label, nodes, inputs, constants=None, opset=17, refused=None):
        shapes = {name: array.shape for name, array in inputs.items()}
        model = build(nodes, shapes, constants or {}, [onnx.ValueInfoProto(name="y")], opset)
        self.cases.append(encode(label, model, inputs, refused))


def every_opset(c: Cases) -> None:
    """A case of each operator again, in each opset that has none and defines the operator as the case's own does."""

    def since(operator: str, opset: int) -> int:
        known = onnx.defs.has(operator, max_inclusive_version=opset, domain="")
        return onnx.defs.get_schema(operator, opset).since_version if known else 0

    for operator in sorted({operator for operator, _ in c.accepted}):
        known = {opset: cases[0] for (name, opset), cases in c.accepted.items() if name == operator}
        for opset in OPSETS:
            alike = [own for own in known if opset not in known and since(operator, own) == since(operator, opset)]
            if alike:
                c.add(operator, opset=opset, **known[alike[0]])


def elementwise(c: Cases) -> None:
    shapes = [([3, 4], [3, 4]), ([3, 4], [4]), ([3, 4], []), ([], [2, 3]), ([2, 1, 9], [3, 1]), ([5, 1], [1, 17])]
    shapes += [([2, 3, 1, 2], [1, 2, 2]), ([1], [1]), ([], []), ([2, 1, 2, 1, 2], [1, 3, 1, 2, 1])]
    for operator in ["Add", "Sub", "Mul", "Div"]:
        for a, b in shapes:
            c.add(operator, {"a": normal(*a), "b": positive(*b)})
        c.add(operator, {"a": normal(3, 4)}, {"b": positive(3, 1)}, label="constant")
    for a, b in shapes[:6]:
        c.add("Pow", {"a": positive(*a), "b": normal(*b)})
    c.add("Pow", {"a": normal(3, 4)}, {"b": np.float32(2)}, label="square")
    c.add("Pow", {"a": normal(3, 4)}, {"b": np.int64(3)}, label="integer exponent")
    for operator in ["Exp", "Relu", "Erf", "Sigmoid", "Tanh"]:
        c.add(operator, {"a": normal(3, 7) * 3})
        c.add(
            operator,
            {"a": np.array(dtype=np.float32, object=[0.0, -0.0, 1e-6, -30.0, 30.0, 88.0, -100.0])},
            label="wide",
        )
    for operator in ["Sqrt", "Log"]:
        c.add(operator, {"a": positive(3, 7)})
        c.add(operator, {"a": np.array(dtype=np.float32, object=[1e-30, 1.0, 1e30])}, label="wide")
    for opset in OPSETS:
        c.add("Add", {"a": normal(2, 2), "b": normal(2)}, opset=opset)
        c.add("Relu", {"a": normal(5)}, opset=opset)
        c.add("Identity", {"a": normal(2, 2)}, opset=opset)
    for opset in [20, 21]:
        for approximate in ["none", "tanh"]:
            c.add("Gelu", {"a": normal(4, 5) * 2}, opset=opset, approximate=approximate, label=approximate)
        c.add("Gelu", {"a": normal(4)}, opset=opset)
    c.add("Clip", {"a": normal(3, 4)}, {"b": np.float32(-0.5), "c": np.float32(0.5)})
    c.add("Clip", {"a": normal(3, 4)}, {"b": None, "c": np.float32(0.5)}, label="no lower bound")
    c.add("Clip", {"a": normal(3, 4)}, {"b": np.float32(-0.5)}, label="no upper bound")
    c.add("Clip", {"a": normal(3, 4)}, label="no bounds")
    c.add("Clip", {"a": normal(3, 4), "b": np.float32(-0.2), "c": np.float32(0.9)}, label="computed bounds")


def matrices(c: Cases) -> None:
    pairs = [([3, 4], [4, 5]), ([1, 1], [1, 1]), ([7, 64], [64, 9]), ([5, 3], [3]), ([3], [3, 5]), ([6], [6])]
    pairs += [([2, 3, 4], [4, 5]), ([2, 3, 4], [2, 4, 5]), ([2, 3, 4], [1, 4, 5]), ([3, 4], [2, 4, 17])]
    pairs += [([2, 1, 3, 4], [3, 4, 2]), ([2, 3, 4], [4]), ([4], [2, 4, 3]), ([1, 3, 4], [2, 4, 1])]
    for a, b in pairs:
        c.add("MatMul", {"a": normal(*a), "b": normal(*b)})
        c.add("MatMul", {"a": normal(*a)}, {"b": normal(*b)}, label="constant")
    for opset in OPSETS:
        c.add("MatMul", {"a": normal(2, 3)}, {"b": normal(3, 2)}, opset=opset)
        c.add("Gemm", {"a": normal(2, 3)}, {"b": normal(3, 2), "c": normal(2)}, opset=opset)
    for trans_a in [0, 1]:
        for trans_b in [0, 1]:
            a = normal(5, 3) if trans_a else normal(3, 5)
            b = normal(9, 5) if trans_b else normal(5, 9)
            for bias in [[9], [3, 9], [3, 1], [1, 9], [1], []]:
                c.add("Gemm", {"a": a}, {"b": b, "c": normal(*bias)}, transA=trans_a, transB=trans_b)
            c.add("Gemm", {"a": a, "b": b}, transA=trans_a, transB=trans_b, alpha=0.5, label="no bias")
            c.add("Gemm", {"a": a, "b": b, "c": normal(9)}, transA=trans_a, transB=trans_b, alpha=0.5, beta=-2.0)


def along_axes(c: Cases) -> None:
    for axis in range(-3, 3):
        c.add("Softmax", {"a": normal(2, 3, 9) * 4}, axis=axis, label=f"axis {axis}")
        arrays = {"a": normal(2, 3, 4), "b": normal(*(5 if i == axis % 3 else d for i, d in enumerate([2, 3, 4])))}
        c.add("Concat", arrays, axis=axis, label=f"axis {axis}")
        c.add("Gather", {"a": normal(2, 3, 4)}, {"b": longs(1, 0, -1, -2)}, axis=axis, label=f"axis {axis}")
    c.add("Softmax", {"a": normal(3, 50)}, label="default axis")
    c.add("Softmax", {"a": np.array(dtype=np.float32, object=[[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]])}, label="large")
    c.add("Concat", {"a": normal(2, 3), "b": normal(2, 1), "d": normal(2, 4)}, {"c": normal(2, 2)}, axis=1)
    c.add("Concat", {"a": normal(3)}, axis=0, label="one part")
    c.add("Gather", {"a": normal(5, 2)}, {"b": np.array(3, np.int64)}, label="scalar index")
    c.add("Gather", {"a": normal(5, 2)}, {"b": np.array([[0, 1], [4, 2]], np.int32)}, label="int32 matrix")
    for opset in [17, 18, 20, 21]:
        for shape, axis, scale in [
            ([3, 9], -1, [9]),
            ([2, 3, 4], 1, [3, 4]),
            ([2, 3, 4], -1, [4]),
            ([4, 3], 0, [4, 3]),
        ]:
            both = {"b": positive(*scale), "c": normal(*scale)}
            c.add("LayerNormalization", {"a": normal(*shape)}, both, opset=opset, axis=axis, label=f"axis {axis}")
    c.add("LayerNormalization", {"a": normal(3, 8)}, {"b": positive(8)}, label="no bias")
    c.add("LayerNormalization", {"a": normal(3, 8)}, {"b": positive(8)}, epsilon=0.1, stash_type=1, label="epsilon 0.1")
    x = normal(2, 3, 4, 5)
    for operator in ["ReduceSum", "ReduceMean"]:
        for axes in [[0], [1], [-1], [0, 1], [1, 2], [0, 2], [-1, 0], [3, 1], [0, 1, 2, 3]]:
            for keep in [0, 1]:
                label = f"axes {axes} keepdims {keep}"
                if operator == "ReduceSum":
                    c.add(operator, {"a": x}, {"b": longs(*axes)}, opset=13, keepdims=keep, label=label)
                else:
                    c.add(operator, {"a": x}, opset=13, axes=axes, keepdims=keep, label=label)
        c.add(operator, {"a": x}, opset=18, label="all axes")
        c.add(operator, {"a": x}, {"b": longs()}, opset=18, label="no axes are all axes")
        c.add(operator, {"a": x}, {"b": longs()}, opset=18, noop_with_empty_axes=1, label="no axes")
        c.add(operator, {"a": x}, {"b": longs(1)}, opset=18, noop_with_empty_axes=1, label="axes 1 noop")
        c.add(operator, {"a": normal(2, 100)}, {"b": longs(1)}, opset=21, keepdims=0, label="long")
    for opset in OPSETS:
        c.add("Softmax", {"a": normal(2, 3)}, opset=opset, axis=0)
        c.add("ReduceSum", {"a": normal(2, 3)}, {"b": longs(1)}, opset=opset)
        if opset < 18:
            c.add("ReduceMean", {"a": normal(2, 3)}, opset=opset, axes=[1])
        else:
            c.add("ReduceMean", {"a": normal(2, 3)}, {"b": longs(1)}, opset=opset)


def moves(c: Cases) -> None:
    c.add("Transpose", {"a": normal(2, 3, 4)}, label="reversed")
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1]]:
        c.add("Transpose", {"a": normal(2, 3, 4)}, perm=order, label=f"perm {order}")
    c.add("Transpose", {"a": normal(2, 1, 3, 1, 2)}, perm=[4, 1, 2, 3, 0])
    c.add("Transpose", {"a": normal(5, 1)}, perm=[1, 0])
    for shape in [[4, 6], [24], [2, -1], [0, -1], [0, 0, 2, 2], [-1, 1], [2, 3, 4, 1, 1]]:
        c.add("Reshape", {"a": normal(2, 3, 4)}, {"b": longs(*shape)}, label=f"to {shape}")
        c.add("Reshape", {"a": normal(2, 3, 4)}, {"b": longs(*shape)}, opset=14, allowzero=0, label=f"to {shape}")
    c.add("Reshape", {"a": normal(2, 3)}, {"b": longs(3, -1)}, opset=21, allowzero=1, label="allowzero")
    c.add("Reshape", {"a": normal(1, 1)}, {"b": longs()}, label="to a scalar")
    c.add("Squeeze", {"a": normal(1, 3, 1)})
    for axes in [[0], [-1], [0, 2], [2, -3]]:
        c.add("Squeeze", {"a": normal(1, 3, 1)}, {"b": longs(*axes)}, label=f"axes {axes}")
    for axes in [[0], [-1], [1, 3], [-1, 0]]:
        c.add("Unsqueeze", {"a": normal(2, 3)}, {"b": longs(*axes)}, label=f"axes {axes}")
    c.add("Unsqueeze", {"a": np.float32(3)}, {"b": longs(0)}, label="scalar")
    for a, shape in [([3, 1], [3, 4]), ([3, 1], [2, 1, 4]), ([4], [3, 1]), ([], [2, 2]), ([2, 3], [1]), ([1], [1])]:
        c.add("Expand", {"a": normal(*a)}, {"b": longs(*shape)}, label=f"to {shape}")
    far, near = 2**63 - 1, -(2**63)
    slices = [([1], [3], [0], [1]), ([0, 1], [2, 3], [0, 1], [1, 1]), ([0], [far], [1], [2]), ([-3], [far], [-1], [1])]
    slices += [([3], [0], [1], [-1]), ([far], [near], [1], [-1]), ([-1], [near], [0], [-2]), ([-100], [100], [0], [1])]
    slices += [([4], [1], [1], [-2]), ([0], [5], [1], [7]), ([4], [near], [1], [-9]), ([1, 4], [3, 0], [0, 1], [1, -3])]
    for starts, ends, axes, steps in slices:
        parts = {"b": longs(*starts), "c": longs(*ends), "d": longs(*axes), "e": longs(*steps)}
        c.add("Slice", {"a": normal(4, 5)}, parts, label=f"{starts}:{ends}:{steps} on {axes}")
    c.add("Slice", {"a": normal(4, 5)}, {"b": longs(1), "c": longs(3)}, label="no axes")
    parts = {
        "b": np.array(dtype=np.int32, object=[1]),
        "c": np.array(dtype=np.int32, object=[3]),
        "d": None,
        "e": np.array(dtype=np.int32, object=[2]),
    }
    c.add("Slice", {"a": normal(4, 5)}, parts, label="int32, no axes")
    condition = np.array([[True, False, True], [False, False, True]])
    for yes, no in [([2, 3], [2, 3]), ([3], [2, 1]), ([], [1]), ([4, 1, 3], [2, 3])]:
        c.add("Where", {"b": normal(*yes), "c": normal(*no)}, {"a": condition})
    c.add("Where", {"b": normal(2, 3)}, {"a": np.array(True), "c": np.float32(0)}, label="scalars")


def kinds(c: Cases) -> None:
    x = np.array(dtype=np.float32, object=[-2.7, -1.0, -0.5, 0.0, 0.4, 1.0, 2.5, 1000000.7])
    for opset in [13, 19, 21]:
        for to in [TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL]:
            c.add("Cast", {"a": x}, opset=opset, to=to, out=to, label=TensorProto.DataType.Name(to))
    c.add("Cast", {"a": x}, opset=19, to=TensorProto.INT32, saturate=1, out=TensorProto.INT32, label="saturate")
    for array in [int8(5), np.array([True, False]), longs(-5, 70000), np.array(dtype=np.uint8, object=[0, 255])]:
        c.add("Cast", {}, {"a": array}, to=TensorProto.FLOAT, label=str(array.dtype))
    node = helper.make_node
    cast = node("Cast", ["x"], ["i"], to=TensorProto.INT64)
    c.graph(
        "computed indices",
        [cast, node("Gather", ["t", "i"], ["y"])],
        {"x": np.array(dtype=np.float32, object=[0, 2, -1])},
        {"t": normal(3, 2)},
    )
    c.graph(
        "computed condition",
        [node("Cast", ["x"], ["b"], to=TensorProto.BOOL), node("Where", ["b", "x", "t"], ["y"])],
        {"x": np.array(dtype=np.float32, object=[0, 2, -1])},
        {"t": normal(2, 3)},
    )
    c.graph(
        "integers are moved",
        [
            cast,
            node("Concat", ["i", "k"], ["j"], axis=0),
            node("Unsqueeze", ["j", "zero"], ["u"]),
            node("Transpose", ["u"], ["v"]),
            node("Cast", ["v"], ["y"], to=TensorProto.FLOAT),
        ],
        {"x": np.array(dtype=np.float32, object=[0.5, 2.5, -1.5])},
        {"k": longs(7, -7), "zero": longs(0)},
    )
    scale = positive(3) / 50
    for opset in OPSETS:
        parts = {"a": int8(4, 3), "b": scale, "c": int8(3)}
        c.add("DequantizeLinear", {}, parts, opset=opset, axis=1)
    c.add("DequantizeLinear", {}, {"a": int8(4, 3), "b": np.float32(0.02)}, label="one scale")
    c.add("DequantizeLinear", {}, {"a": int8(4, 3), "b": np.float32(0.02), "c": np.int8(5)}, label="one scale, zero")
    zero = np.uint8(128)
    c.add(
        "DequantizeLinear", {}, {"a": rng.integers(0, 256, (4, 3)).astype(np.uint8), "b": np.float32(0.02), "c": zero}
    )
    big = rng.integers(-(2**31), 2**31 - 1, (5,)).astype(np.int32)
    c.add("DequantizeLinear", {}, {"a": big, "b": np.float32(1e-6)}, label="int32")
    c.add("DequantizeLinear", {}, {"a": int8(3, 4, 2), "b": scale, "c": int8(3)}, axis=0, label="axis 0")
    c.add("DequantizeLinear", {}, {"a": int8(2, 4, 3), "b": scale, "c": int8(3)}, axis=-1, label="axis -1")
    for block, axis, of in [(2, 0, [2, 6]), (3, 1, [4, 2]), (2, 1, [4, 3]), (6, -1, [4, 1])]:
        parts = {"a": int8(4, 6), "b": positive(*of), "c": int8(*of)}
        c.add("DequantizeLinear", {}, parts, opset=21, axis=axis, block_size=block, label=f"block {block} axis {axis}")
    weights = {"q": int8(5, 9), "s": positive(9) / 50, "z": np.array(dtype=np.int8, object=[0] * 9)}
    c.graph(
        "int8 weights",
        [node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=1), node("MatMul", ["x", "w"], ["y"])],
        {"x": normal(6, 5)},
        weights,
    )
    weights = {"q": int8(9, 5), "s": positive(9) / 50}
    c.graph(
        "int8 weights, moved before they are dequantised",
        [
            node("Identity", ["q"], ["r"]),
            node("DequantizeLinear", ["r", "s"], ["w"], axis=0),
            node("Transpose", ["w"], ["v"]),
            node("MatMul", ["x", "v"], ["y"]),
        ],
        {"x": normal(6, 5)},
        weights,
    )
    for name, value in [
        ("value_float", 2.5),
        ("value_floats", [1.0, 2.0]),
        ("value", numpy_helper.from_array(normal(3, 2))),
    ]:
        nodes = [node("Constant", [], ["c"], **{name: value}), node("Add", ["x", "c"], ["y"])]
        c.graph(f"Constant {name}", nodes, {"x": normal(3, 2)})
    nodes = [node("Constant", [], ["c"], value_ints=[3, -1]), node("Reshape", ["x", "c"], ["y"])]
    c.graph("Constant value_ints", nodes, {"x": normal(2, 6)})
    nodes = [node("Constant", [], ["c"], value_int=1), node("Gather", ["x", "c"], ["y"])]
    c.graph("Constant value_int", nodes, {"x": normal(2, 6)})
    nodes = [
        node("Concat", ["one", "rest"], ["s"], axis=0),
        node("Cast", ["s"], ["i"], to=TensorProto.INT32),
        node("Cast", ["i"], ["l"], to=TensorProto.INT64),
        node("Reshape", ["x", "l"], ["y"]),
    ]
    c.graph("a computed shape", nodes, {"x": normal(2, 6)}, {"one": longs(4), "rest": longs(-1)})
    # float_data, int32_data and int64_data instead of raw bytes
    w = helper.make_tensor("w", TensorProto.FLOAT, [2, 2], normal(4).tolist())
    q = helper.make_tensor("q", TensorProto.INT8, [2, 2], [1, -2, 3, -128])
    s = helper.make_tensor("s", TensorProto.INT64, [2], [-1, 2])
    nodes = [
        node("DequantizeLinear", ["q", "half"], ["d"]),
        node("MatMul", ["x", "d"], ["m"]),
        node("Add", ["m", "w"], ["a"]),
        node("Reshape", ["a", "s"], ["y"]),
    ]
    x = normal(2, 2)
    model = build(nodes, {"x": x.shape}, {"half": np.float32(0.5)}, [onnx.ValueInfoProto(name="y")], 17)
    model.graph.initializer.extend([w, q, s])
    c.cases.append(encode("typed data", model, {"x": x}))


def refusals(c: Cases) -> None:
    x = normal(3, 4)
    c.add("Gelu", {"a": x}, opset=19, refused="Gelu (before opset 20)")
    c.add("LayerNormalization", {"a": x}, {"b": normal(4)}, opset=16, refused="LayerNormalization (before opset 17)")
    c.add("Sin", {"a": x}, refused="Sin")
    c.add("Relu", {"a": x}, refused="Relu (attribute slope)", slope=1.0)
    c.add("Reshape", {"a": x}, {"b": longs(-1)}, opset=13, refused="Reshape (attribute allowzero)", allowzero=0)
    c.add("Softmax", {"a": x}, refused="com.example.Softmax", domain="com.example")
    c.add(
        "LayerNormalization",
        {"a": x},
        {"b": normal(4)},
        refused="LayerNormalization (attribute stash_type)",
        stash_type=10,
    )
    c.add("Cast", {"a": x}, to=TensorProto.FLOAT16, refused="Cast (attribute to)")
    c.add(
        "Reshape", {"a": normal(0, 3)}, {"b": longs(3, 0)}, opset=14, allowzero=1, refused="Reshape (an empty tensor)"
    )
    c.add("Add", {}, {"a": longs(1), "b": longs(2)}, refused="Add (int64)")
    c.add(
        "DequantizeLinear",
        {},
        {"a": int8(3, 3), "b": positive(3, 2)},
        opset=21,
        axis=1,
        block_size=2,
        refused="DequantizeLinear (a last block that is not full)",
    )
    c.add("Gather", {}, {"a": longs(2**40, 1), "b": longs(0)}, refused="Gather (integers beyond 24 bits)")
    c.add("ReduceMean", {"a": x}, opset=18, axes=[1], refused="ReduceMean (attribute axes)")
    node = helper.make_node
    nodes = [node("Cast", ["x"], ["i"], to=TensorProto.INT64), node("Reshape", ["x", "i"], ["y"])]
    c.graph(
        "computed shape",
        nodes,
        {"x": np.array(dtype=np.float32, object=[2])},
        refused="Reshape (a shape or axis that is not constant)",
    )
    nodes = [node("LayerNormalization", ["x", "w"], ["y", "", "d"])]
    c.graph("more outputs", nodes, {"x": x}, {"w": normal(4)}, refused="LayerNormalization (more than one output)")


DIMENSION = 64
# What the fixtures of attention want. Features that came later are left out, so that the files stay what they are.
ATTENDING = tuple(name for name in FEATURES if name not in {"topic_share", "subtopic_share"})


def attention(hidden: int) -> onnx.ModelProto:
    """Scaled dot-product attention of each candidate to the history, then two layers. int8, one scale a column."""
    nodes, constants = [], {}
    node = helper.make_node

    def weights(name: str, rows: int, columns: int) -> str:
        w = rng.standard_normal((rows, columns)) / np.sqrt(rows)
        scale = (np.abs(w).max(0) / 127).astype(np.float32)
        constants[f"{name}.q"] = np.clip(np.round(w / scale), -127, 127).astype(np.int8)
        constants[f"{name}.s"] = scale
        nodes.append(node("DequantizeLinear", [f"{name}.q", f"{name}.s"], [name], axis=1))
        return name

    def constant(name: str, array: np.ndarray) -> str:
        constants[name] = array.astype(np.float32)
        return name

    width = len(ATTENDING) + 3 * DIMENSION
    nodes += [
        node("MatMul", ["candidates", weights("wq", DIMENSION, DIMENSION)], ["q"]),  # [N,D]
        node("MatMul", ["history", weights("wk", DIMENSION, DIMENSION)], ["k"]),  # [H,D]
        node("MatMul", ["history", weights("wv", DIMENSION, DIMENSION)], ["v"]),  # [H,D]
        node("Transpose", ["k"], ["kt"], perm=[1, 0]),  # [D,H]
        node("MatMul", ["q", "kt"], ["qk"]),  # [N,H]
        node("Mul", ["qk", constant("sharpness", np.array(DIMENSION**0.5))], ["sharp"]),
        node("Add", ["history_weight", constant("tiny", np.array(1e-6))], ["w"]),  # [H]
        node("Log", ["w"], ["prior"]),
        node("Add", ["sharp", "prior"], ["logits"]),  # [N,H]
        node("Softmax", ["logits"], ["attended"], axis=-1),
        node("MatMul", ["attended", "v"], ["interest"]),  # [N,D]
        node("Mul", ["candidates", "interest"], ["match"]),
        node("Concat", ["features", "candidates", "interest", "match"], ["all"], axis=1),  # [N,208]
        node("MatMul", ["all", weights("w1", width, hidden)], ["m1"]),
        node("Add", ["m1", constant("b1", rng.standard_normal(hidden) / 10)], ["a1"]),
        node("Relu", ["a1"], ["r1"]),
        node("LayerNormalization", ["r1", constant("g1", np.ones(hidden)), constant("h1", np.zeros(hidden))], ["n1"]),
        node("MatMul", ["n1", weights("w2", hidden, 1)], ["m2"]),  # [N,1]
        node("Add", ["m2", constant("b2", np.zeros(1))], ["a2"]),
        node("Squeeze", ["a2", "minus1"], ["score"]),  # [N]
    ]
    constants["minus1"] = longs(-1)
    inputs = {
        "features": ["N", len(ATTENDING)],
        "candidates": ["N", DIMENSION],
        "history": ["H", DIMENSION],
        "history_weight": ["H"],
    }
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"])
    model = build(nodes, inputs, constants, [score], 17)
    count = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    print(f"attention: {count} weights, {model.ByteSize()} bytes")
    return model


def attention_inputs(candidates: int, history: int) -> dict:
    def unit(*shape: int) -> np.ndarray:
        x = normal(*shape)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    weight = positive(history)
    return {
        "features": normal(candidates, len(ATTENDING)),
        "candidates": unit(candidates, DIMENSION),
        "history": unit(history, DIMENSION),
        "history_weight": weight / weight.sum(),
    }


def below_zero(c: Cases) -> None:
    """The functions of one element that exporters write for what is below 0, and its like."""
    # Of its own, so that what the others draw stays what it was.
    own = np.random.default_rng(21)

    def normal(*shape: int) -> np.ndarray:
        return own.standard_normal(shape).astype(np.float32)

    def positive(*shape: int) -> np.ndarray:
        return own.uniform(0.1, 3.0, shape).astype(np.float32)

    wide = np.array(dtype=np.float32, object=[0.0, -0.0, 1e-6, -1e-6, -0.5, -30.0, 30.0, -100.0, 1e30, -1e30])
    for operator in ["Neg", "LeakyRelu", "Elu"]:
        c.add(operator, {"a": normal(3, 7) * 3})
        c.add(operator, {"a": wide}, label="wide")
        c.add(operator, {"a": normal(2, 3, 1, 4)}, opset=13)
    for operator in ["LeakyRelu", "Elu"]:
        for alpha in [0.3, 0.0, 1.0, 2.5, -0.5]:
            c.add(operator, {"a": normal(3, 7) * 3}, alpha=alpha, label=f"alpha {alpha}")
    c.add("Reciprocal", {"a": positive(3, 7)})
    c.add("Reciprocal", {"a": -positive(3, 7)}, label="below 0")
    c.add("Reciprocal", {"a": np.array(dtype=np.float32, object=[0.0, -0.0, 1e-30, 1e30, -4.0])}, label="wide")
    scale = np.array(dtype=np.float32, object=[0.5, -2.0, 4.0])
    for operator in ["Neg", "Reciprocal", "LeakyRelu", "Elu"]:
        c.graph(
            f"{operator} of a constant",
            [helper.make_node(operator, ["s"], ["t"]), helper.make_node("Mul", ["a", "t"], ["y"])],
            {"a": normal(2, 3)},
            {"s": scale},
        )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    c = Cases()
    for part in [elementwise, matrices, along_axes, moves, kinds, below_zero, every_opset, refusals]:
        part(c)
    write(folder / "conformance.bin", c.cases)
    space = Space.load().name
    observed = observe(ATTENDING, space)
    model = attention(36)
    contract = Contract("fixture-attention-20k", ATTENDING, space)
    (folder / "attention-20k.onnx").write_bytes(write_contract(model, contract, observed))
    empty = onnx.ModelProto()
    cases = []
    for n, h in [(1, 1), (7, 3), (20, 50)]:
        inputs = attention_inputs(n, h)
        session = ort.InferenceSession(model.SerializeToString(), SESSION, providers=["CPUExecutionProvider"])
        (scores,) = session.run(None, inputs)
        head = text(f"{n} x {h}") + blob(empty.SerializeToString()) + struct.pack("<I", len(inputs))
        head += b"".join(tensor(array) for array in inputs.values())
        cases.append(head + b"\x00" + struct.pack("<I", 1) + tensor(np.asarray(scores)))
    write(folder / "attention-20k.bin", cases)
    contract = Contract("fixture-attention-48k", ATTENDING, space)
    (folder / "attention-48k.onnx").write_bytes(write_contract(attention(168), contract, observed))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
