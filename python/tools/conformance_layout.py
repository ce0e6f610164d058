"""How fixtures of graphs are laid out in a file (`conformance_fixtures.py` says it in full)."""

import struct

import numpy as np


def blob(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def tensors(arrays: list[np.ndarray]) -> bytes:
    parts = [struct.pack("<I", len(arrays))]
    for array in arrays:
        parts.append(struct.pack(f"<{1 + array.ndim}I", array.ndim, *array.shape))
        parts.append(np.ascontiguousarray(array).astype("<f4").tobytes())
    return b"".join(parts)


def case(name: str, model: bytes, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> bytes:
    """A case with its inputs and the outputs that are expected; all elements as floats."""
    return blob(name.encode()) + blob(model) + tensors(inputs) + b"\x00" + tensors(outputs)
