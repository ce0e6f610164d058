"""A release of a model: what pages load, signed. Its format has one definition, `delivery/release.mjs`."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from nearside.space import ROOT

SCRIPT = ROOT / "delivery" / "release.mjs"
# What says that the package was built.
BUILT = ROOT / "dist" / "nearside_bg.wasm"


def release(model: Path, output: Path, *, key: Path, space: Path, more: Mapping[str, str] | None = None) -> str:
    """Makes or updates the release in the directory `output`. Returns what the script says of it.

    `more` are further options of the script. Raises ValueError, with the script's own sentence where it refuses.
    """
    node = shutil.which("node")
    if node is None:
        raise ValueError("a release is made by Node: install it from https://nodejs.org, 20.19 or newer")
    if not BUILT.exists():
        raise ValueError(f"the package that a release ships is not built: run `npm run build` in {ROOT}")
    paths = {"out": output, "key": key, "model": model, "space": space}
    values = {name: str(path.resolve()) for name, path in paths.items()} | dict(more or {})
    # In one word: a value may begin with a dash.
    options = [f"--{name}={value}" for name, value in values.items()]
    ran = subprocess.run([node, str(SCRIPT), *options], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise ValueError(ran.stderr.strip().removeprefix("✗ ") or f"{SCRIPT} failed")
    return ran.stdout.rstrip()
