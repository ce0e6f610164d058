"""Texts to vectors: the encoder and the space together, with what was encoded before kept in the user's cache."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearside.encoder import Encoder
from nearside.space import DIMENSION, Space


def cache_folder() -> Path:
    """Where encoded texts are kept: `$XDG_CACHE_HOME/nearside`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nearside"


def encode_cached(texts: Sequence[str], space: Space) -> NDArray[np.int8]:
    """Encodes texts to i8[N, 64]. The same texts in the same space are read from the cache the next time."""
    if not texts:
        return np.zeros((0, DIMENSION), np.int8)
    hashed = hashlib.sha256(space.name.encode() + space.axes.tobytes())
    for text in texts:
        hashed.update(text.encode() + b"\0")
    path = cache_folder() / f"vectors-{hashed.hexdigest()[:32]}.npy"
    if path.exists():
        return np.load(path)
    vectors = space.quantise(Encoder().encode(texts, "encoding articles"))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.npy")
    np.save(unfinished, vectors)
    unfinished.replace(path)
    return vectors
