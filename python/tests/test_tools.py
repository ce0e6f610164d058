"""The programs that make this repository's own artefacts."""

import base64
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from hand_set_model import FEATURES, LINEAR, MODEL, RECTIFIED, network, signed_bytes
from prepare_mind import FOLDERS, prepare

from nearside import _core
from nearside.contract import Contract, observe, scores, write_contract
from nearside.space import DEFAULT, Space


def test_the_network_is_what_the_tables_say() -> None:
    rows = np.random.default_rng(2).normal(size=(50, len(FEATURES))).astype(np.float32)
    column = {name: rows[:, place].astype(float) for place, name in enumerate(FEATURES)}
    expected = np.zeros(50)
    for name, weight in LINEAR.items():
        expected += weight * column[name]
    for name, threshold, weight in RECTIFIED:
        expected += weight * np.maximum(column[name] - threshold, 0)
    model = network().SerializeToString()
    np.testing.assert_allclose(scores(model, {"features": rows}), expected, atol=1e-4)
    np.testing.assert_allclose(scores(model, {"features": rows[:1]}), expected[:1], atol=1e-4)


def test_the_shipped_file_holds_its_own_golden_case() -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(MODEL).metadata_props}
    features = metadata["nearside.features"].split("\n")
    assert metadata["nearside.space"] == Space.load().name
    golden = {
        key: np.frombuffer(base64.b64decode(metadata[f"nearside.golden.{key}"]), "<f4")
        for key in ("features", "scores")
    }
    rows = golden["features"].reshape(-1, len(features))
    np.testing.assert_allclose(scores(MODEL.read_bytes(), {"features": rows}), golden["scores"], atol=1e-6)
    assert (np.abs(rows).max(axis=0) > 0).all(), "a feature that is 0 throughout proves nothing"
    assert MODEL.stat().st_size <= 24 * 1024


def test_a_model_of_another_space_holds_its_golden_case() -> None:
    contract = Contract("other-1", FEATURES, "mine-v1")
    file = write_contract(network(), contract, observe(FEATURES, contract.space))
    assert _core.Ranker(file).space == "mine-v1"
    with pytest.raises(_core.NearsideError, match="golden case"):
        _core.Ranker(write_contract(network(), contract, observe(FEATURES, "another-v1")))


@pytest.mark.parametrize("weight", [0.03, 8.0])
def test_weights_that_a_byte_cannot_hold_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="no multiples of"):
        signed_bytes(np.array([weight]), 1 / 16)


def test_mind_impressions_are_as_page_and_device_would_hold_them(tmp_path: Path) -> None:
    news = "".join(f"N{i}\tsports\ttennis\tMatch number {i} of the open\tA summary.\t\t[]\t[]\n" for i in range(60))
    news += 'T1\t\t\tPlayer "wins" the open\t\t\t[]\t[]\n'
    history = " ".join(["GONE", *(f"N{i}" for i in range(60))])
    noon = "11/15/2019 12:00:00 PM"
    behaviors = f"1\tU1\t{noon}\t{history}\tN1-0 T1-1 N2-0\n2\tU2\t{noon}\t\tN1-1 N2-0\n"
    for name in FOLDERS:
        (tmp_path / "mind" / name).mkdir(parents=True)
        (tmp_path / "mind" / name / "news.tsv").write_text(news)
        (tmp_path / "mind" / name / "behaviors.tsv").write_text(behaviors)
        (tmp_path / "mind" / name / "counts.tsv").write_text("id\tshows\tclicks\nN1\t50\t1\nN2\t50\t9\n")
    prepare(tmp_path / "mind", tmp_path / "out", DEFAULT)
    articles = json.loads((tmp_path / "out" / "valid" / "articles.json").read_text())
    first, second = map(json.loads, (tmp_path / "out" / "valid" / "impressions.jsonl").read_text().splitlines())
    assert first["candidates"] == ["N2", "T1", "N1"]
    assert (first["clicked"], second["history"]) == (["T1"], [])
    assert first["now"] == 1_573_819_200_000
    times = [ms for _, ms in first["history"]]
    assert [id_ for id_, _ in first["history"]] == [f"N{i}" for i in range(10, 60)]
    assert len(times) == 50
    assert first["now"] - 28 * 86_400_000 < times[0]
    assert times == sorted(set(times))
    assert times[-1] < first["now"]
    predicted = {key: articles["T1"][key] for key in ("topic", "subtopic", "predicted", "shows")}
    assert predicted == {"topic": "sports", "subtopic": "tennis", "predicted": True, "shows": 0}
    assert (articles["N2"]["shows"], articles["N2"]["clicks"]) == (50, 9)
