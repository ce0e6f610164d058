"""Writes the ONNX project's own node tests as a fixture for the compact engine.

    pip install numpy onnx
    python python/tools/node_tests.py tests/fixtures

`node-tests.bin`: the cases of `onnx.backend.test` all nodes of which are operators that the engine knows, laid out
as `conformance.bin` is (`conformance_fixtures.py`). Which cases, and how they become models of the engine's kind:

- A case is written for the newest operator set. It is stated to be of 21, the newest that the engine runs, and left out
  where onnx's own checker refuses it there.
- The engine's inputs are floats that change from list to list. Inputs of other types become initializers, as axes and
  indices are in exported models. Optional inputs that are left out stay so.
- Left out are cases whose model and data have more than 32 KB, and those whose values are not tensors.
- LayerNormalization's tests ask for mean and deviation as well, which serve training: each stands twice, once as it is
  and once with its first output alone.
- An output of text cannot be written down: such a case has no outputs and can only be refused.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from conformance_layout import case
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

OPSET, IR_VERSION = 21, 10
MOST_BYTES = 32 * 1024
OPERATORS = {
    *(
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Pow",
        "Sqrt",
        "Exp",
        "Log",
        "Neg",
        "Reciprocal",
        "Relu",
        "LeakyRelu",
        "Elu",
        "Gelu",
        "Erf",
        "Sigmoid",
        "Tanh",
        "MatMul",
        "Gemm",
    ),
    *("Softmax", "LayerNormalization", "Concat", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Expand", "Slice"),
    *("Where", "ReduceSum", "ReduceMean", "Clip", "Gather", "Identity", "Cast", "DequantizeLinear", "Constant"),
}


def array(value: onnx.TensorProto | np.ndarray) -> np.ndarray:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def at_opset(model: onnx.ModelProto) -> onnx.ModelProto | None:
    model = onnx.ModelProto.FromString(model.SerializeToString())
    model.ir_version = IR_VERSION
    for opset in model.opset_import:
        opset.version = OPSET
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return None
    return model


def convert(name: str, model: onnx.ModelProto, inputs: Sequence[Any], outputs: Sequence[Any]) -> bytes:
    floats = []
    given = dict(zip([value.name for value in model.graph.input], inputs, strict=True))
    for value in list(model.graph.input):
        tensor = given[value.name]
        tensor = tensor if isinstance(tensor, TensorProto) else numpy_helper.from_array(np.asarray(tensor))
        if tensor.data_type == TensorProto.FLOAT:
            floats.append(array(tensor))
        else:
            constant = model.graph.initializer.add()
            constant.CopyFrom(tensor)
            constant.name = value.name
            model.graph.input.remove(value)
    results = [array(output) for output in outputs]
    if any(result.dtype.kind in "OSU" for result in results):
        results = []
    return case(name, model.SerializeToString(), floats, results)


def main(folder: Path) -> None:
    cases, others, large = [], 0, []
    for test in sorted(collect_testcases(), key=lambda test: test.name):
        if test.model is None or not {node.op_type for node in test.model.graph.node} <= OPERATORS:
            continue
        if any(node.domain not in ("", "ai.onnx") for node in test.model.graph.node):
            continue
        values = [*test.model.graph.input, *test.model.graph.output]
        model = at_opset(test.model)
        if model is None or any(value.type.WhichOneof("value") != "tensor_type" for value in values):
            others += 1
            continue
        for inputs, outputs in test.data_sets or ():
            if len(inputs) != len(model.graph.input):
                others += 1
                continue
            encoded = convert(
                test.name.removeprefix("test_"), onnx.ModelProto.FromString(model.SerializeToString()), inputs, outputs
            )
            if len(encoded) > MOST_BYTES:
                large.append(test.name)
                continue
            cases.append(encoded)
            if test.name.startswith("test_layer_normalization") and len(model.graph.output) > 1:
                one = onnx.ModelProto.FromString(model.SerializeToString())
                del one.graph.output[1:], one.graph.node[0].output[1:]
                cases.append(convert(test.name.removeprefix("test_") + "_first_output", one, inputs, outputs[:1]))
    data = len(cases).to_bytes(4, "little") + b"".join(cases)
    (folder / "node-tests.bin").write_bytes(data)
    print(
        f"{len(cases)} cases, {len(data)} bytes; not of opset {OPSET} or not of tensors: {others}; too large: {large}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
