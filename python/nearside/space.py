"""A vector space: how a sentence vector becomes the 64 signed bytes that travel in a feed."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nearside.markup import plain_text

DIMENSION = 64
ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT = ROOT / "models" / "minilm-l6-pca64-v1.safetensors"
GOLDEN = ROOT / "models" / "golden.json"


@dataclass(frozen=True)
class Space:
    """Principal axes f32[64, 384] of a sentence encoder, and where they come from.

    Vectors are projected without subtracting a mean: the mean of the texts the axes were fitted on is not that of news,
    and subtracting it costs 1.2 AUC points on news impressions (models/README.md).
    """

    name: str
    axes: NDArray[np.float32]
    provenance: dict[str, Any]

    @classmethod
    def load(cls, path: Path = DEFAULT) -> "Space":
        """Raises ValueError for a file that is no vector space."""
        try:
            with safe_open(path, "numpy") as file:
                about = json.loads((file.metadata() or {})["about"])
                axes = file.get_tensor("axes")
            name = about.pop("name")
        except (SafetensorError, KeyError, ValueError) as error:
            raise ValueError(f"{path} is no vector space file: {error}") from error
        if axes.ndim != 2 or axes.shape[0] != DIMENSION:
            raise ValueError(f"{path} has axes of shape {list(axes.shape)}, not {DIMENSION} of them")
        return cls(name, axes, about)

    def save(self, path: Path) -> None:
        # One metadata entry: the writer does not keep the order of several, and equal spaces shall be equal bytes.
        about = json.dumps({"name": self.name, **self.provenance})
        path.write_bytes(save({"axes": np.ascontiguousarray(self.axes)}, {"about": about}))

    def quantise(self, vectors: NDArray[np.float32]) -> NDArray[np.int8]:
        """Projects sentence vectors f32[N, 384] to i8[N, 64], each scaled so that its greatest number is 127.

        Only the direction of a vector counts to a reranker, so each may use the whole range of a byte.
        """
        projected = vectors.astype(np.float64) @ self.axes.T.astype(np.float64)  # [N, 64]
        greatest = np.abs(projected).max(axis=1, keepdims=True, initial=0.0)
        if not (greatest > 0).all():
            raise ValueError("a vector has no direction in this space")
        return np.rint(projected / greatest * 127).astype(np.int8)


LONGEST_TEXT = 10_000  # characters: far beyond what an encoder reads


def article_text(title: str, summary: str) -> str:
    """The text by which an article is known: title, and summary where there is one, without tags and entities."""
    title, summary = (" ".join(plain_text(text[:LONGEST_TEXT]).split()) for text in (title, summary))
    return f"{title}. {summary}" if summary else title


def to_base64(vector: NDArray[np.int8]) -> str:
    """A vector as a feed carries it."""
    return base64.b64encode(vector.tobytes()).decode("ascii")


def from_base64(text: str) -> NDArray[np.int8]:
    """The 64 numbers of a vector in a feed."""
    vector = np.frombuffer(base64.b64decode(text, validate=True), np.int8)
    if vector.shape != (DIMENSION,):
        raise ValueError(f"a vector has {DIMENSION} bytes, not {vector.size}")
    return vector


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
