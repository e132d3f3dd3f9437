"""Tasks that make texts, over the whole path: run, bundle, predict, serve; splits, several references, refusals."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv
from starlette.testclient import TestClient
from typer.testing import CliRunner

import modelwright as mw
from modelwright.cli.app import app
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.split import holdout
from modelwright.release.export import export_onnx
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.tasks._texts import together
from seq2seq_made import tiny_pairs

QUICK = {"search": "none", "budget": "60s", "task": "translation", "recipes": ["copy", "retrieval"]}


def twice():
    """Pairs of which each source stands twice, with two references."""
    table, target = get_task("translation").sample(60, 1)
    table = table.take(sorted({v: i for i, v in enumerate(table.column("en").to_pylist())}.values()))
    said = [v.replace("看见", "看到").replace("喜欢", "爱") for v in table.column("zh").to_pylist()]
    other = table.set_column(1, "zh", pa.array(said))
    return pa.concat_tables([table, other]), target


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    table, target = twice()
    return mw.fit(table, target, out=tmp_path_factory.mktemp("runs"), **QUICK)


def test_a_run_ranks_tests_and_reports(run):
    assert {r["name"] for r in run.facts["leaderboard"]} == {"copy", "retrieval"}
    assert run.facts["winner"] == ["retrieval"]
    assert 0 < run.metrics["bleu"] <= 1
    assert [s["name"] for s in run.facts["sections"]][:2] == ["answers", "length"]
    for lang in ("en", "zh"):
        from modelwright.evaluate.report.page import write_report

        assert "</html>" in write_report(run.facts, lang)


def test_sources_and_answers_never_stand_on_both_sides(run):
    data = twice()[0].to_pylist()
    splits = json.loads((run.folder / "data" / "splits.json").read_text())
    held = set(splits["test"])
    test = {data[i - 1]["en"] for i in held}
    learnt = {r["en"] for i, r in enumerate(data, 1) if i not in held}
    assert test
    assert not test & learnt


def test_what_was_measured_answers_and_serves(run, tmp_path, monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    loaded = mw.load(run.folder)
    (answer,) = loaded.predict([{"en": "the red cat likes the old dog"}])
    assert list(answer) == ["prediction"]
    ring, key = KeyRing.open(tmp_path / "keys.json")
    with TestClient(create_app(loaded, keys=ring), headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.post("/predict", json={"en": "the red cat likes the old dog"}).json() == answer
        assert client.get("/schema").json()["made"] is True
        assert client.post("/predict", json={"nothing": "x"}).status_code == 422
        assert client.post("/explain", json={"en": "the red cat"}).status_code == 422
        assert client.post("/predict", json={"en": None}).status_code == 200


def test_onnx_is_refused_with_a_word_on_what_to_do(run, tmp_path):
    with pytest.raises(ModelwrightError, match="serve") as told:
        export_onnx(mw.load(run.folder), tmp_path / "onnx")
    assert "模型包" in told.value.words.zh
    assert not (tmp_path / "onnx").exists()


def test_official_test_rows(tmp_path):
    table, target = get_task("translation").sample(40, 2)
    import pyarrow.csv

    pyarrow.csv.write_csv(table, tmp_path / "test.csv")
    made = mw.fit(twice()[0], target, out=tmp_path, test=str(tmp_path / "test.csv"), **{**QUICK, "recipes": ["copy"]})
    assert made.facts["rows"]["official"]


def test_a_pretrained_model_trains_in_a_run(tmp_path):
    base = tiny_pairs(tmp_path / "base", "t5")
    table, target = get_task("translation").sample(40, 2)
    told = {**QUICK, "recipes": ["copy", "seq2seqtuned"], "pretrained": [str(base)], "budget": "20s", "refit": False}
    made = mw.fit(table, target, out=tmp_path / "runs", **told)
    assert {r["name"]: r["status"] for r in made.facts["leaderboard"]} == {"copy": "ok", "seq2seqtuned": "ok"}
    with pytest.raises(OptionError, match="--task"):
        mw.fit(*get_task("classification").sample(40, 2), out=tmp_path, pretrained=[str(base)], budget="20s")


def test_a_folder_split_by_answers_too():
    rows = pa.table({"zh": [f"句子{i}" for i in range(300)], "en": [f"sentence {i // 3}" for i in range(300)]})
    schema = infer_schema(rows, target="en", overrides={"en": "text", "zh": "text"})
    table, _ = coerce(rows, schema)
    task = get_task("translation")
    kept, held = holdout(table, None, fraction=0.2, group=None, time=None, seed=0, units=task.units(table))
    assert not {i // 3 for i in kept} & {i // 3 for i in held}


def test_answers_like_labels_do_not_glue_all_rows_together():
    rows = pa.table({"x": [f"some text {i}" for i in range(200)], "y": ["yes", "no"] * 100})
    table, _ = coerce(rows, infer_schema(rows, target="y", overrides={"y": "text", "x": "text"}))
    assert len(set(get_task("text2text-generation").units(table))) == 200


def test_what_hangs_together():
    assert together(np.array([0, 0, 1, 2, 3]), np.array([5, 6, 6, 7, 8])).tolist() == [0, 0, 0, 1, 2]


def test_tasks_are_chosen_by_name_only():
    table = twice()[0]
    column = infer_schema(table, target="zh")["zh"]
    assert all(get_task(n).accepts(table.column(1), column) <= 0.01 for n in ("translation", "summarization"))


def test_pairs_nested_by_language_train_and_predict(tmp_path):
    """`{"translation": {"en": ..., "zh": ...}}`, as OPUS's sets on hubs are: no target could be named."""
    table, _ = get_task("translation").sample(60, 1)
    rows = [{"id": str(i), "translation": r} for i, r in enumerate(table.to_pylist())]
    path = tmp_path / "opus.jsonl"
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    with pytest.raises(OptionError, match=r"id, translation\.en, translation\.zh"):
        mw.fit(path, out=tmp_path / "runs", **QUICK)
    run = mw.fit(path, "translation.zh", out=tmp_path / "runs", **QUICK)
    done = CliRunner().invoke(app, ["predict", str(run.folder), str(path), "--out", str(tmp_path / "made.csv")])
    assert done.exit_code == 0, done.output
    made = csv.read_csv(tmp_path / "made.csv")
    right = [a == r["translation"]["zh"] for a, r in zip(made.column("prediction").to_pylist(), rows, strict=True)]
    assert sum(right) > 0.7 * len(rows)
