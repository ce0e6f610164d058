"""Fits a vector space: the 64 principal axes of a site's own texts, or of any others in its language.

The file is the space: its name stands for these very bytes, and a change of them needs a new name.
"""

import hashlib
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearside.article_table import read_articles
from nearside.encoder import TextEncoder
from nearside.faults import Faults
from nearside.space import DIMENSION, Space, article_text

METHOD = "uncentred principal components; a vector is scaled to a greatest number of 127 and rounded"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SAMPLE = 1000  # texts of which the length that is kept is stated
NEGLIGIBLE = 1e-9  # of the first axis' sum of squares; an axis below has no texts along it


def fit(
    name: str,
    texts: Sequence[str],
    encoder: TextEncoder,
    about: dict[str, Any],
    command: str,
    label: str = "encoding texts",
) -> tuple[Space, float]:
    """The space of the texts, and the mean length that vectors of length one keep in it, by the first 1,000.

    `about` says what the texts are. Raises ValueError where they do not span 64 axes.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"a space's name is of letters, digits, dots and dashes, at most 64: {name!r} is not")
    if len(texts) < DIMENSION:
        raise ValueError(f"{DIMENSION} axes cannot be fitted to {len(texts)} texts; some thousands make a good space")
    vectors = encoder.encode(texts, label)
    provenance = {
        "encoder": encoder.name,
        "encoder_weights_sha256": encoder.weights_sha256,
        "texts": about["texts"],
        "texts_count": len(texts),
        "texts_sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
        **{key: value for key, value in about.items() if key != "texts"},
        "method": METHOD,
        "command": command,
        "versions": {package: version(package) for package in ("numpy", "onnxruntime", "tokenizers")},
    }
    space = Space(name, principal_axes(vectors), provenance)
    return space, float(np.linalg.norm(vectors[:SAMPLE] @ space.axes.T, axis=1).mean())


def principal_axes(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the 64 directions f32[64, W] along which the vectors, not centred, are longest; the longest first."""
    exact = vectors.astype(np.float64)
    lengths, axes = np.linalg.eigh(exact.T @ exact)  # columns, the shortest first
    if len(lengths) < DIMENSION or not lengths[-DIMENSION] > NEGLIGIBLE * lengths[-1]:
        raise ValueError(f"the texts' vectors do not span {DIMENSION} axes: more and more different texts are needed")
    axes = axes[:, ::-1][:, :DIMENSION].T
    # Eigenvectors have no sign of their own: let the number of greatest size be positive.
    signs = np.sign(axes[np.arange(DIMENSION), np.abs(axes).argmax(axis=1)])
    return (axes * signs[:, None]).astype(np.float32)


def read_texts(path: Path, faults: Faults) -> list[str]:
    """Each text of a file once: an articles table, or a text file with one a line."""
    if path.suffix in (".parquet", ".tsv", ".csv"):
        table = read_articles(path, faults)
        titles, summaries = table["title"].to_pylist(), table["summary"].to_pylist()
        found = [
            article_text(title or "", summary or "") for title, summary in zip(titles, summaries, strict=True) if title
        ]
        faults.add("an article has no text", "", len(titles) - len(found))
    else:
        lines = path.read_text("utf-8-sig", errors="replace").split("\n")
        found = [text for text in (" ".join(line.split()) for line in lines) if text]
        lost = [number for number, line in enumerate(lines, start=1) if "\ufffd" in line]
        faults.add("a line is no UTF-8", f"{path.name} line {lost[0]}" if lost else "", len(lost))
    texts = list(dict.fromkeys(found))
    faults.add("a text was there before; it counts once", "", len(found) - len(texts))
    return texts
