"""Marking spans, searching and comparing, from a source to a served bundle."""

import json

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

import modelwright
from modelwright.core.errors import DataError, ModelwrightError, OptionError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, load, save
from modelwright.release.documents import index_documents
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.testing import context, sample_table

FAQ = [
    ("how do I get a refund", "Refunds take five days."),
    ("money back please", "Refunds take five days."),
    ("忘记密码怎么办", "在登录页点击忘记密码即可重置。"),
    ("密码怎么重置", "在登录页点击忘记密码即可重置。"),
    ("where is my parcel", "Parcels arrive in two days."),
    ("parcel is late", "Parcels arrive in two days."),
]


def fitted(task, recipe, rows=None, **changes):
    task, recipe = get_task(task), get_recipe(recipe)
    table, target = sample_table(task, rows or 60)
    options = recipe.variants(table.schema, target, len(table))[0].model_copy(update=changes)
    model = recipe.fit(table, table, options, context(task, target))
    return Predictor(task, task.served(table.schema), target, [(1.0, model)], name="made")


def test_token_files_go_all_the_way(tmp_path):
    lines = []
    for i in range(40):
        name, city = ("李明", "王芳", "张伟")[i % 3], ("北京", "上海")[i % 2]
        text = f"{name}在{city}{'住了' * (i % 4)}{i}"
        tags = ["B-人", "E-人", "O", "B-地", "E-地"] + ["O"] * (len(text) - 5)
        lines += [f"{c} {t}" for c, t in zip(text, tags, strict=True)] + [""]
    (tmp_path / "train.bmes").write_text("\n".join(lines), encoding="utf-8")
    run = modelwright.fit(
        tmp_path / "train.bmes", None, task="ner", budget="20s", out=tmp_path, recipes=["no-spans", "crf"], search="none",
        gate="f1>=0.5, recall[人]>=0.5",
    )  # fmt: skip
    assert run.metrics["f1"] > 0.7
    assert run.good_enough
    (answer,) = run.predict([{"text": "  王芳在上海"}])
    assert [(s["start"], s["end"], s["label"], s["text"]) for s in answer["prediction"]] == [
        (2, 4, "人", "王芳"),
        (5, 7, "地", "上海"),
    ]
    assert all(0 < s["confidence"] <= 1 for s in answer["prediction"])
    assert run.predict([{"text": None}, {"text": ""}]) == [{"prediction": []}] * 2
    assert "labels" in {s["name"] for s in run.facts["sections"]}
    assert run.report.is_file()


def test_spans_outside_their_text_are_refused_before_anything_is_written(tmp_path):
    rows = [{"text": "abc", "spans": [{"start": 1, "end": 9, "label": "a"}]}] * 20
    with pytest.raises(DataError, match="row 1"):
        modelwright.fit(rows, "spans", task="token-classification", out=tmp_path, budget="5s")
    with pytest.raises(DataError, match="No span"):
        modelwright.fit(
            [{"text": f"a{i}", "spans": "[]"} for i in range(20)],
            "spans",
            task="token-classification",
            out=tmp_path,
            budget="5s",
        )
    assert list(tmp_path.iterdir()) == []


def test_the_gazetteer_marks_entries_but_not_inside_words():
    predictor = fitted("token-classification", "gazetteer")
    model = predictor.members[0][1]
    assert [s["text"] for s in model._entries_in("Paris and Parisian 北京人")] == ["Paris", "北京"]
    assert predictor.predict([{"text": "Anna Bell left"}])[0]["prediction"][0]["label"] == "person"


def test_a_long_text_is_answered_to_its_end():
    predictor = fitted("token-classification", "crf")
    text = "今天没有消息。" * 200 + "王芳昨天到了上海。"
    found = predictor.predict([{"text": text}])[0]["prediction"]
    assert [(s["text"], text[s["start"] : s["end"]]) for s in found] == [("王芳", "王芳"), ("上海", "上海")]


@pytest.fixture(scope="module")
def search():
    return fitted("retrieval", "bm25")


def test_search_finds_documents_and_nothing_for_words_unknown(search):
    hits = search.search("parcel", k=2)
    assert hits[0]["text"].startswith("Parcels")
    assert hits[0]["score"] > 0
    assert search.search("zzz") == []
    assert search.predict([{"query": "parcel"}])[0]["prediction"][0] == hits[0]
    with pytest.raises(ModelwrightError, match="no vectors"):
        search.embed(["a"])


def test_other_documents_are_indexed_without_training(search, tmp_path):
    save(search, tmp_path / "bundle")
    done = index_documents(
        str(tmp_path / "bundle"), [{"document": "Opening hours are nine to six."}, {"document": None}]
    )
    assert done["documents"] == 1
    again = load(tmp_path / "bundle")
    assert again.search("opening hours")[0]["text"] == "Opening hours are nine to six."
    assert again.search("parcel") == []
    more = index_documents(str(tmp_path / "bundle"), [{"document": "Parcels go by ship."}], more=True)
    assert (more["documents"], more["added"]) == (2, 1)
    with pytest.raises(OptionError, match="--text"):
        index_documents(str(tmp_path / "bundle"), [{"a": "x", "b": "y"}])
    with pytest.raises(DataError, match="no document"):
        index_documents(str(tmp_path / "bundle"), [{"document": " "}])


def test_queries_of_the_training_rows_are_not_in_the_bundle(search, tmp_path):
    save(search, tmp_path / "bundle")
    kept = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "bundle").rglob("*.json"))
    assert "Parcels arrive" in kept
    assert "where is my parcel" not in kept


def test_labels_are_found_by_the_texts_of_their_rows_which_are_not_kept(tmp_path):
    rows = [{"query": f"{q} {i}", "intent": d[:6]} for i in range(4) for q, d in FAQ]
    run = modelwright.fit(
        rows,
        "intent",
        task="retrieval",
        budget="15s",
        out=tmp_path,
        recipes=["same-text", "tfidf", "bm25"],
        search="none",
    )
    assert run.metrics["recall_1"] > 0.8
    assert run.predictor.search("please my money back")[0]["text"] == "Refund"
    kept = "".join(p.read_text(encoding="utf-8") for p in run.folder.joinpath("bundle").rglob("*.json"))
    assert "money back please" not in kept
    bm25 = fitted_labels("bm25", [*rows, {"query": "my name is Zebedee", "intent": "Refund"}])
    assert "refund" in bm25.searcher.state()["vocabulary"]
    assert "zebedee" not in bm25.searcher.state()["vocabulary"]


def fitted_labels(recipe, rows):
    schema = Schema((Column("query", "text"), Column("intent", "text", "target")))
    table = Table.of(pa.table({k: [r[k] for r in rows] for k in ("query", "intent")}), schema)
    task, recipe = get_task("retrieval"), get_recipe(recipe)
    target = task.fit_target(table.column("intent"), schema["intent"])
    assert target.labels
    return recipe.fit(table, None, recipe.variants(schema, target, len(table))[0], context(task, target))


def test_pairs_go_all_the_way(tmp_path):
    table, _ = get_task("sentence-similarity").sample(120, 0)
    run = modelwright.fit(
        table,
        "same",
        task="sentence-similarity",
        budget="20s",
        out=tmp_path,
        recipes=["same-text", "tfidf"],
        search="none",
    )
    assert 0.5 < run.metrics["auc"] <= 1
    answer = run.predict([{"text1": "发票在哪里申请", "text2": "请问发票在哪里申请"}])[0]
    assert answer["prediction"] == "1"
    assert answer["confidence"] > 0.5
    with pytest.raises(OptionError, match="cannot search"):
        run.predictor.search("x")


def test_graded_pairs_are_answered_on_their_own_scale():
    task, recipe = get_task("sentence-similarity"), get_recipe("tfidf")
    raw, name = task.sample(80, 0)
    grade = [5.0 if v else 1.0 + (i % 2) for i, v in enumerate(raw.column(name).to_pylist())]
    schema = Schema((Column("text1", "text"), Column("text2", "text"), Column("grade", "number", "target")))
    data = raw.drop_columns([name]).append_column("grade", pa.array(grade))
    table = Table.of(data, schema)
    target = task.fit_target(table.column("grade"), schema["grade"])
    model = recipe.fit(table, table, recipe.variants(schema, target, 80)[0], context(task, target))
    scores = model.scores(table)
    assert scores.shape == (80, 1)
    assert 0 <= scores.min() < scores.max() <= 6.5
    assert np.corrcoef(scores[:, 0], grade)[0, 1] > 0.3


def test_vectors_are_of_unit_length_and_the_same_for_the_same_text():
    predictor = fitted("retrieval", "sentence-encoder", 40, epochs=1)
    vectors = predictor.embed(["parcel", "", "parcel"])
    assert vectors.shape[0] == 3
    assert vectors.dtype == np.float32
    assert np.allclose(vectors[0], vectors[2])
    assert np.allclose(np.linalg.norm(vectors[0]), 1, atol=1e-5)


@pytest.fixture
def client(search, tmp_path, monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    ring, key = KeyRing.open(tmp_path / "keys.json")
    with TestClient(create_app(search, keys=ring), headers={"Authorization": f"Bearer {key}"}) as made:
        yield made


def test_the_service_searches_with_a_key_and_within_bounds(client):
    hits = client.post("/search", json={"query": "parcel", "k": 1}).json()["hits"]
    assert [h["text"][:7] for h in hits] == ["Parcels"]
    assert client.post("/search", json={"query": "parcel"}, headers={"Authorization": "Bearer x"}).status_code == 401
    for body in (
        {},
        {"query": ""},
        {"query": 3},
        {"query": "x", "k": 0},
        {"query": "x", "k": 101},
        {"query": "x", "k": True},
        [],
    ):
        assert client.post("/search", json=body).status_code == 422
    assert client.post("/search", content=b"{").status_code == 400
    assert (
        json.loads(client.post("/predict", json={"query": "parcel"}).text)["prediction"][0]["text"] == hits[0]["text"]
    )
    assert client.get("/schema").json()["made"] is True
    assert "/search" in client.get("/openapi.json").json()["paths"]


def test_a_model_that_does_not_search_has_no_such_route(tmp_path, monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)
    ring, key = KeyRing.open(tmp_path / "keys.json")
    predictor = fitted("token-classification", "no-spans")
    with TestClient(create_app(predictor, keys=ring), headers={"Authorization": f"Bearer {key}"}) as made:
        assert made.post("/search", json={"query": "x"}).status_code == 404


def pairs(marks):
    rows = [
        {"a": f"the parcel {i} is late", "b": f"my parcel {i} has come late", "mark": m} for i, m in enumerate(marks)
    ]
    return rows, {"task": "sentence-similarity", "recipes": ["same-text"], "search": "none", "budget": "30s"}


def test_whole_grades_are_numbers(tmp_path):
    """Grades of 0 to 5 were refused as a category, with the advice to call them true or false."""
    rows, how = pairs([i % 6 for i in range(60)])
    run = modelwright.fit(rows, "mark", out=tmp_path, **how)
    made = run.predict([{"a": rows[0]["a"], "b": rows[0]["b"]}])[0]["prediction"]
    assert 0 <= made <= 5


@pytest.mark.parametrize("marks", [["yes", "no"], [1, -1]])
def test_two_labels_stay_labels(tmp_path, marks):
    rows, how = pairs([marks[i % 2] for i in range(40)])
    run = modelwright.fit(rows, "mark", out=tmp_path, **how)
    assert run.predict([{"a": "x", "b": "y"}])[0]["prediction"] in map(str, marks)


def test_labels_of_inference_are_told_where_they_belong(tmp_path):
    rows, how = pairs([("entailment", "neutral", "contradiction")[i % 3] for i in range(60)])
    with pytest.raises(DataError, match=r"received 3.*leave --task out") as told:
        modelwright.fit(rows, "mark", out=tmp_path, **how)
    assert "请去掉 --task" in told.value.words.zh
