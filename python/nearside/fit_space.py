"""Fits the vector space `minilm-l6-pca64-v1`: the 64 principal axes of WordNet's definitions and examples.

    apt-get install wordnet-base
    uv run fit_space.py                         five to eight minutes on two cores

The texts are openly licensed and general; nothing of any news site is used. The file is the space: its name stands for
these very bytes, and a change of them needs a new name.
"""

import argparse
import hashlib
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearside import encoder
from nearside.encoder import Encoder
from nearside.space import DEFAULT, DIMENSION, Space

NAME = "minilm-l6-pca64-v1"
LEAST_WORDS = 6  # shorter definitions are unlike headlines
PARTS = ("adj", "adv", "noun", "verb")


def texts(directory: Path) -> list[str]:
    """Returns each definition and example of WordNet's data files once, in the files' order."""
    found = (text for part in PARTS for line in (directory / f"data.{part}").open() for text in line_texts(line))
    return list(dict.fromkeys(text for text in found if len(text.split()) >= LEAST_WORDS))


def line_texts(line: str) -> Iterator[str]:
    """Splits one synset's gloss, `definition; "example"; "example"`. The licence at the head is indented."""
    if line.startswith(" "):
        return
    gloss = line.partition("|")[2]
    yield re.sub(r'"[^"]*"', "", gloss).strip(" ;\n")
    yield from (example.strip() for example in re.findall(r'"([^"]+)"', gloss))


def principal_axes(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the 64 directions f32[64, 384] along which the vectors, not centred, are longest; the longest first."""
    exact = vectors.astype(np.float64)
    _, axes = np.linalg.eigh(exact.T @ exact)  # columns, the shortest first
    axes = axes[:, ::-1][:, :DIMENSION].T
    # Eigenvectors have no sign of their own: let the number of greatest size be positive.
    signs = np.sign(axes[np.arange(DIMENSION), np.abs(axes).argmax(axis=1)])
    return (axes * signs[:, None]).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fits the vector space to WordNet's definitions and examples.")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of data.noun")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT)
    arguments = parser.parse_args()
    if not (arguments.wordnet / "data.noun").exists():
        parser.error(f"{arguments.wordnet} has no data.noun: apt-get install wordnet-base")
    corpus = texts(arguments.wordnet)
    model = Encoder()
    vectors = model.encode(corpus, "encoding WordNet")
    space = Space(
        NAME,
        principal_axes(vectors),
        {
            "encoder": encoder.NAME,
            "encoder_weights_sha256": model.weights_sha256,
            "texts": f"WordNet 3.0 definitions and examples of {LEAST_WORDS} or more words (Debian: wordnet-base)",
            "texts_count": len(corpus),
            "texts_sha256": hashlib.sha256("\n".join(corpus).encode()).hexdigest(),
            "texts_licence": "WordNet 3.0 licence. Copyright 2006 by Princeton University. All rights reserved.",
            "method": "uncentred principal components; a vector is scaled to a greatest number of 127 and rounded",
            "command": "uv run fit_space.py",
            "versions": {package: version(package) for package in ("numpy", "onnxruntime", "tokenizers")},
        },
    )
    space.save(arguments.output)
    lengths = np.linalg.norm(vectors[:1000] @ space.axes.T, axis=1)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes from {len(corpus):,} texts")
    print(f"mean length kept: {lengths.mean():.3f}")


if __name__ == "__main__":
    main()
