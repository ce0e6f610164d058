"""The whole of the lab at small size, by its command line: simulate, replay, train, export, evaluate, bench."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import typer.main
from numpy.typing import NDArray
from safetensors.numpy import load_file
from typer.testing import CliRunner, Result

from nearside import _core
from nearside.batch import Batch
from nearside.cli import app
from nearside.evaluation.metrics import METRICS
from nearside.log import LogError
from nearside.space import ROOT

runner = CliRunner(env={"COLUMNS": "150", "TERM": "dumb"})
NETWORKS = {"linear": ["--seeds", "2", "--epochs", "8"], "attention": ["--seeds", "1", "--epochs", "3"]}


def nearside(*arguments: object, code: int = 0) -> Result:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, (arguments, result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the commands made."""
    folder = tmp_path_factory.mktemp("pipeline")
    sizes = ["--impressions", "6000", "--readers", "250", "--days", "14", "--articles-per-day", "80"]
    nearside("simulate", "-o", folder / "log", *sizes)
    said = nearside("replay", folder / "log", "-o", folder / "features").output
    assert re.search(r"features: 1\d\d,\d{3} rows of [56],\d{3} impressions, [\d,]+ rows a second", said), said
    for network, options in NETWORKS.items():
        nearside("train", folder / "features", "-o", folder / network, "--network", network, *options)
        model = folder / f"{network}.onnx"
        assert "its card" in nearside("export", folder / network, "-o", model, "--name", f"small-{network}").output
    scorer = "nearside_test_scorer:likes_the_last"
    (folder / "nearside_test_scorer.py").write_text(
        "import numpy as np\n\n\ndef likes_the_last(batch):\n    return np.arange(float(len(batch.article)))\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        said = nearside(
            "evaluate", "linear.onnx", "log", "-o", "report", "--resamples", "200", "--scorer", scorer
        ).output
    (folder / "table.txt").write_text(said)
    return folder


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("network", list(NETWORKS))
def test_training_beats_the_servers_order_on_later_days(work: Path, network: str) -> None:
    about = load(work / network / "training.json")
    losses = about["held_out_loss"]
    assert losses["best"] < losses["server_order"]
    assert losses["best"] <= losses["mean"]
    assert len(about["seeds"]) == about["settings"]["seeds"]
    assert about["impressions"]["held_out"] > 100
    assert about["log"]["source"] == "simulated"
    assert load_file(work / network / "weights.safetensors")["position_bias"].any()


@pytest.mark.parametrize("network", list(NETWORKS))
def test_an_exported_model_is_small_and_loads(work: Path, network: str) -> None:
    file = work / f"{network}.onnx"
    assert file.stat().st_size <= 24 * 1024
    ranker = _core.Ranker(file.read_bytes())
    about = load(work / network / "training.json")
    assert (ranker.id, ranker.space) == (f"small-{network}", about["space"])
    assert ranker.features == about["settings"]["features"]
    assert not any("bias" in tensor.name and tensor.dims == [24] for tensor in onnx.load(file).graph.initializer)
    card = file.with_suffix(".md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: onnx\n")
    assert f"{file.stat().st_size:,} bytes" in card
    assert f"held-out loss: {about['held_out_loss']['best']:.4f}" in card


def test_the_report_shows_a_lift_among_the_baselines(work: Path) -> None:
    report = load(work / "report" / "report.json")
    rows = report["rows"]
    expected = {
        *("random", "server order", "popularity × recency", "cosine with mean history", "topic share"),
        *("ours, personal alone", "ours, default policy", "ours, unlimited", "oracle within the limit"),
        "scorer nearside_test_scorer:likes_the_last",
    }
    assert expected <= set(rows)
    for name, row in rows.items():
        assert set(row) >= set(METRICS), name
        for cell in (row[metric] for metric in METRICS):
            assert cell["mean"] is None or cell["low"] <= cell["mean"] <= cell["high"], name
    server = rows["server order"]["ndcg10"]["mean"]
    for name in ("ours, default policy", "ours, unlimited"):
        assert rows[name]["ndcg10"]["mean"] > server
        paired = report["paired"][f"{name} − server order"]["ndcg10"]
        assert paired["mean"] == pytest.approx(rows[name]["ndcg10"]["mean"] - server, abs=1e-9)
    assert rows["oracle within the limit"]["ndcg10"]["mean"] > rows["ours, default policy"]["ndcg10"]["mean"]
    assert abs(rows["random"]["auc"]["mean"] - 0.5) < 0.02
    # A list's last is the server's last, too.
    assert rows["scorer nearside_test_scorer:likes_the_last"]["auc"]["mean"] < 0.3
    assert {"slices", "log", "model", "faults", "measured", "readers"} <= set(report)
    assert report["model"]["bytes"] == (work / "linear.onnx").stat().st_size
    assert 1000 < report["measured"] < 6000
    table = (work / "table.txt").read_text("utf-8")
    for name in expected:
        assert name.split(":")[-1] in table, name


def test_the_page_is_self_contained_and_the_card_takes_the_metrics(work: Path) -> None:
    page = (work / "report" / "report.html").read_text("utf-8")
    assert "ours, default policy" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    nearside(
        *("export", work / "linear", "-o", work / "again.onnx"),
        *("--name", "small-linear", "--report", work / "report"),
    )
    assert (work / "again.onnx").read_bytes() == (work / "linear.onnx").read_bytes()
    card = (work / "again.md").read_text("utf-8")
    assert re.search(r"\| ours, default policy \| \d\d\.\d \(\d\d\.\d–\d\d\.\d\) \|", card)


def test_bench_prints_a_rate(work: Path) -> None:
    for options, what in (([], "replayed"), (["--model", work / "linear.onnx"], "replayed and ranked")):
        said = nearside("bench", work / "log", *options).output
        found = re.search(rf"^1\d\d,\d{{3}} rows {what} in [\d.]+ s: ([\d,]+) rows a second$", said, re.MULTILINE)
        assert found, said
        assert int(found[1].replace(",", "")) > 20_000


def test_every_command_tells_an_example() -> None:
    command = typer.main.get_command(app)
    names = list(command.commands)  # pyright: ignore[reportAttributeAccessIssue]
    assert {"simulate", "encode", "replay", "train", "export", "evaluate", "bench"} <= set(names)
    assert set(names) <= set(re.findall(r"[\w-]+", nearside("--help").output))
    for name in names:
        text = " ".join(nearside(name, "--help").output.split())
        assert f"Example: nearside {name} " in text.replace("`", ""), text


def test_a_command_that_cannot_do_it_says_so_in_a_sentence(work: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("articles", "impressions", "clicks"):
        (other / f"{name}.parquet").write_bytes((work / "log" / f"{name}.parquet").read_bytes())
    (other / "log.json").write_text(json.dumps({**load(work / "log" / "log.json"), "space": "other-v2"}))
    for arguments, sentence in (
        (["simulate", "-o", work / "log"], "exists and is not an empty directory"),
        (["replay", work / "log", "-o", work / "features"], "exists and is not an empty directory"),
        (["replay", tmp_path, "-o", tmp_path / "f"], "has no articles.parquet, and no behaviors.tsv either"),
        (["train", work / "log", "-o", tmp_path / "t"], "has no features.json"),
        (["train", work / "features", "-o", tmp_path / "t", "--features", "shoe_size"], "no column shoe_size"),
        (["export", work / "log", "-o", tmp_path / "m.onnx", "--name", "m"], "has no training.json"),
        (["evaluate", work / "table.txt", work / "log", "-o", tmp_path / "r"], "model_"),
        (
            ["evaluate", work / "linear.onnx", other, "-o", tmp_path / "r"],
            "the log's vectors are of the space other-v2, the model wants minilm-l6-pca64-v1",
        ),
        (["evaluate", work / "linear.onnx", work / "log", "--scorer", "nothing:at_all"], "--scorer nothing:at_all"),
    ):
        result = nearside(*arguments, code=1)
        text = " ".join(result.output.split())
        assert sentence in text, (arguments, text)
        assert "Traceback" not in text
    assert not (tmp_path / "f").exists()
    assert not (tmp_path / "r").exists()


def test_a_scorer_of_the_wrong_shape_is_refused(work: Path) -> None:
    from nearside.evaluation.run import evaluate, open_sources
    from nearside.log import Log

    def short(batch: Batch) -> NDArray[np.float32]:
        return batch.server_logit[1:]

    with pytest.raises(LogError, match="the scorer short must give"):
        evaluate(None, open_sources([Log.open(work / "log")], []), scorers={"short": short})


def test_a_larger_log_stays_small_in_memory(tmp_path: Path) -> None:
    """20,000 impressions; `tools/scale.py` alone does a million (1.5 GB at most)."""
    program = ROOT / "python" / "tools" / "scale.py"
    command = [sys.executable, str(program), "--impressions", "20000", "--keep", str(tmp_path / "kept")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    peaks = {
        name: int(peak.replace(",", "")) for name, peak in re.findall(r"^(\w+) .* ([\d,]+) MB at most$", said, re.M)
    }
    assert list(peaks) == ["simulate", "replay", "evaluate"]
    assert max(peaks.values()) < 700, said
    assert load(tmp_path / "kept" / "report" / "report.json")["measured"] > 5000
