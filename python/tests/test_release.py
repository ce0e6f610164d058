"""`nearside release` makes what `npm run release` makes, and says in a sentence why it cannot."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nearside import release as module
from nearside.cli import app
from nearside.space import DEFAULT, ROOT

MODEL = ROOT / "models" / "reranker.onnx"


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["release", *(str(word) for word in words)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key.pem"
    subprocess.run(["node", str(ROOT / "delivery" / "keys.mjs"), "--out", str(file)], check=True, capture_output=True)
    return file


def test_it_is_the_script_s_release(tmp_path: Path, key: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"strength": 0.5}')
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    code, text = run(MODEL, "-o", ours, "--key", key, "--rollout", 12.5, "--policy", policy, "--channel", "-uk")
    assert (code, "Version 1" in text) == (0, True), text
    manifest = json.loads((ours / "manifest.json").read_text("utf-8"))["manifest"]
    assert manifest["rollout"]["percentage"] == 12.5
    assert manifest["policy"] == {"strength": 0.5}
    assert manifest["channel"] == "-uk"
    paths = ["--out", str(theirs), "--key", str(key), "--policy", str(policy), "--rollout", "12.5", "--channel=-uk"]
    knobs = ["--salt", manifest["rollout"]["salt"], "--expires", manifest["expires"]]
    subprocess.run(["node", str(module.SCRIPT), *paths, *knobs], check=True, capture_output=True)
    files = {file.name: file.read_bytes() for file in ours.iterdir()}
    assert files == {file.name: file.read_bytes() for file in theirs.iterdir()}
    assert len(files) == 4 * 3 + 3 + 1


def test_what_the_script_refuses_is_told_in_its_sentence(tmp_path: Path, key: Path) -> None:
    (tmp_path / "large.onnx").write_bytes(bytes(24 * 1024 + 1))
    assert run(tmp_path / "large.onnx", "-o", tmp_path / "out", "--key", key) == (
        1,
        "nearside: The model has 24577 bytes and may have 24576: quantize or shrink it.",
    )
    code, text = run(MODEL, "-o", tmp_path / "out", "--key", key, "--policy", '{"strength": 11}')
    assert (code, "from 0 to 10" in text) == (1, True)
    assert not (tmp_path / "out").exists()


def test_without_node_or_the_built_package_it_says_what_to_do(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        code, text = run(MODEL, "-o", tmp_path / "out", "--key", key)
        assert (code, "install it from https://nodejs.org" in text) == (1, True)
    monkeypatch.setattr(module, "BUILT", tmp_path / "absent")
    code, text = run(MODEL, "-o", tmp_path / "out", "--key", key, "--space", DEFAULT)
    assert (code, "`npm run build`" in text) == (1, True)
