"""Rows that lack what carries the model are refused, not guessed at; numbers that never lacked before are told."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

import modelwright as mw
from modelwright.core.errors import BundleError, ColumnError, OptionError
from modelwright.core.schema import OPTIONAL, Column, Schema, Table
from modelwright.evaluate.explain.importance import Importance
from modelwright.release.needs import Needs, needs_of, renamed, renames_of
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing

INPUTS = Schema((Column("text", "text"), Column("amount", "number"), Column("note", "category")))


def table(rows: int = 200) -> pa.Table:
    rng = np.random.default_rng(0)
    refund = rng.random(rows) < 0.5
    other = ["table", "chair", "lamp", "shelf", "rug", "sofa", "desk", "vase", "clock", "frame"]
    words = [
        f"{('please refund my money', 'where is my parcel')[int(not r)]} {' '.join(rng.choice(other, 5))} {i}"
        for i, r in enumerate(refund)
    ]
    return pa.table({
        "text": words, "amount": rng.gamma(2, 50, rows), "note": [None if i % 3 else "x" for i in range(rows)],
        "queue": ["refund" if r else "delivery" for r in refund],
    })  # fmt: skip


def fitted(folder, **options):
    return mw.fit(table(), "queue", out=folder, recipes=["constant", "linear"], search="none", budget="40s", **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("runs"))


def test_what_carries_the_model_is_measured_and_kept_in_the_bundle(run):
    needs = mw.load(run.folder).needs
    assert needs == run.predictor.needs
    assert "text" in needs.columns
    assert "note" not in needs.columns
    assert set(needs.whole) == {"text", "amount"}


def test_a_renamed_column_is_refused_with_the_name_that_is_meant(run):
    rows = [{"Text": "please refund my money", "amount": 3.0, "note": "x"}]
    with pytest.raises(ColumnError, match="Did you mean `Text`"):
        run.predict(rows)
    with pytest.raises(ColumnError, match="Did you mean `Text`"):
        run.predict_proba(rows)
    assert run.predict_proba(rows, allow_missing=True).shape == (1, 2)
    assert run.predictor.predict(rows, allow_missing=True)[0]["prediction"] in ("refund", "delivery")
    with pytest.raises(ColumnError, match="Did you mean `Text`"):
        run.predict(pa.table({"Text": ["a"], "amount": [1.0]}))
    assert run.predict({"text": "please refund my money", "amount": 3.0})[0]["prediction"] == "refund"


def test_the_command_line(run, tmp_path):
    data = tmp_path / "new.csv"
    data.write_text("Text,amount,note\nplease refund my money,3,x\nwhere is my parcel,,x\n", encoding="utf-8")
    command = [sys.executable, "-m", "modelwright.cli", "predict", str(run.folder), str(data)]

    def said(*more):
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False)

    plain = said()
    assert plain.returncode == 2
    assert "--rename Text=text" in plain.stderr
    assert plain.stdout == ""
    told = said("--rename", "Text=text")
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    assert lines[0].split(",")[0].strip('"') == "Text"
    assert "refund" in lines[1]
    assert "1 row lacks `amount`, which no training row lacked" in told.stderr
    assert said("--allow-missing").returncode == 0


def test_the_service_refuses_and_warns(run, tmp_path):
    ring, key = KeyRing.open(tmp_path / "keys.json")
    app = create_app(run.predictor, keys=ring)
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        wrong = client.post("/predict", json={"Text": "please refund my money", "amount": 1})
        assert wrong.status_code == 422
        assert "Text" in wrong.json()["error"]["message"]
        one = client.post("/predict", json={"text": "please refund my money", "amount": None})
        assert one.status_code == 200
        codes = {w["code"] for w in one.json()["warnings"]}
        assert codes == {"never-missing", "absent"}  # the note may be left out
        empty = client.post("/predict", json={"text": None, "amount": None, "note": None}).json()["warnings"]
        assert [w.get("row") for w in empty if w["code"] == "no-input"] == [1]
        blank = client.post("/predict", json={"text": " ", "amount": None, "note": ""}).json()["warnings"]
        assert [w.get("row") for w in blank if w["code"] == "no-input"] == [1]
        bad = client.post(
            "/predict", json={"rows": [{"text": "a", "amount": "x", "note": "x"}, {"text": "", "note": ""}]}
        )
        assert [(w["code"], w["row"]) for w in bad.json()["warnings"] if "row" in w and w["code"] == "no-input"] == [
            ("no-input", 2)
        ]
        assert [w["rows"] for w in bad.json()["warnings"] if w["code"] == "never-missing"] == [1]
        fine = client.post("/predict", json={"rows": [{"text": "where is my parcel", "amount": 2, "note": "x"}]})
        assert "warnings" not in fine.json()


@pytest.mark.parametrize("missing", ["median", "refuse"])
def test_numbers_that_lack_are_filled_or_refused_as_asked(tmp_path, missing):
    predictor = mw.load(fitted(tmp_path, missing=missing).folder)
    row = {"text": "please refund my money", "amount": None, "note": "x"}
    (answer,) = predictor.predict([row])
    if missing == "refuse":
        assert answer["column"] == "amount"
        assert "never" in answer["error"]
        return
    median = predictor.needs.medians["amount"]
    assert median == pytest.approx(float(np.median(table()["amount"])), rel=0.2)
    (same,) = predictor.predict([{**row, "amount": median}])
    assert answer["confidence"] == pytest.approx(same["confidence"])
    (gap,) = predictor.needs.warned(predictor.table([row])[0])
    assert f"{median:g}" in gap.words.en


def test_what_is_needed_follows_from_what_was_measured():
    train = Table.of(pa.table({"text": ["a", "b"], "amount": [1.0, None], "note": ["x", "y"]}), INPUTS)
    sure = [Importance("text", 0.4, 0.3, 0.5), Importance("amount", 0.01, -0.01, 0.03)]
    assert needs_of(INPUTS, train, sure, "keep").columns == ("text", "note")  # what was not measured is needed
    weak = [
        Importance("text", 0.4, 0.3, 0.5),
        Importance("amount", 0.02, 0.01, 0.03),
        Importance("note", 0.2, 0.1, 0.3),
    ]
    assert needs_of(INPUTS, train, weak, "keep").columns == ("text", "note")
    assert needs_of(INPUTS, train, weak, "keep", ["note"]) == Needs(("text",), ("text",))
    unsure = [Importance(n, 0.01, -0.01, 0.03) for n in INPUTS.names]
    assert needs_of(INPUTS, train, unsure, "keep").columns == ()
    one = Schema((Column("text", "text"),))
    assert needs_of(one, train, None, "keep").columns == ("text",)
    assert needs_of(INPUTS, train, None, "keep").whole == ("text", "note")


def test_a_row_may_leave_out_what_was_missing_at_times():
    needs = Needs(columns=("text", "note"), whole=("text", "amount"))
    assert len(needs.check(INPUTS, ["text"], row=1)) == 2
    with pytest.raises(ColumnError, match="Row 4"):
        needs.check(INPUTS, ["amount"], row=4)
    with pytest.raises(ColumnError, match="`note`"):
        needs.check(INPUTS, ["text", "amount"])  # a whole table has it or has not
    with pytest.raises(ColumnError, match="Did you mean `Note`"):
        needs.check(INPUTS, ["text", "amount", "Note"], row=1)
    assert Needs().check(INPUTS, ["amount"])[0].zh
    with pytest.raises(ColumnError, match="Did you mean `Text`"):  # renamed, whether it carries the model or not
        Needs().check(INPUTS, ["amount", "Text"])
    with pytest.raises(ColumnError, match="`text`"):  # nothing that the model reads
        Needs().check(INPUTS, ["colour"], row=1)


def test_renames_are_checked():
    assert renames_of(["Text=text"], INPUTS) == {"Text": "text"}
    for wrong in (["Text"], ["=text"], ["Text=txt"]):
        with pytest.raises(OptionError):
            renames_of(wrong, INPUTS)
    raw = pa.table({"Text": ["a"], "amount": [1]})
    assert renamed(raw, {"Text": "text"}).column_names == ["text", "amount"]
    for names in ({"x": "text"}, {"Text": "amount"}):
        with pytest.raises(ColumnError):
            renamed(raw, names)


@pytest.mark.parametrize("data", [{"columns": [1], "whole": [], "missing": "keep", "medians": {}}, {"columns": [], "whole": [], "missing": "x", "medians": {}}, {"columns": [], "whole": [], "missing": "median", "medians": {"a": float("inf")}}])  # fmt: skip
def test_what_is_no_needs_is_refused(data):
    with pytest.raises(ValueError, match="needs"):
        Needs.from_json(data)


def test_a_bundle_with_odd_needs_is_one_error(run, tmp_path):
    import hashlib
    import shutil

    shutil.copytree(run.folder / "bundle", tmp_path / "bundle")
    place = tmp_path / "bundle" / "bundle.json"
    data = json.loads(place.read_text(encoding="utf-8"))
    place.write_text(json.dumps({**data, "needs": {"columns": 3}}), encoding="utf-8")
    manifest = tmp_path / "bundle" / "manifest.json"
    listed = json.loads(manifest.read_text(encoding="utf-8"))
    listed["files"]["bundle.json"] = hashlib.sha256(place.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(listed), encoding="utf-8")
    with pytest.raises(BundleError):
        mw.load(tmp_path / "bundle")


def test_what_a_task_offers_on_top_is_never_needed():
    schema = Schema((Column("seed", "number", options=OPTIONAL),))
    train = Table.of(pa.table({"seed": [1.0, 2.0]}), schema)
    assert needs_of(schema, train, None, "keep").columns == ()
    assert needs_of(schema, train, [Importance("seed", 0.4, 0.3, 0.5)], "keep").columns == ()
    assert Needs().check(schema, []), "a row may say nothing at all"
    with pytest.raises(ColumnError, match="absent"):
        Needs().check(INPUTS, [])
