"""Objects in cells: columns for their fields in training, and the same fields found in whatever is to be answered."""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

import modelwright as mw
from modelwright.data.nested import field_of, flattened, row_with_fields, with_fields
from modelwright.data.sources import read
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing


def row(i):
    rng = random.Random(i)
    label = "old" if i % 2 else "young"
    user = {"age": rng.randint(20, 40) + 30 * (label == "old"), "home": {"city": rng.choice(["Oslo", "Lyon"])}}
    return {"user": user if i % 10 else {"age": user["age"]}, "n": rng.randint(0, 9), "label": label}


ROWS = [row(i) for i in range(120)]


def written(tmp_path, form):
    path = tmp_path / f"d.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif form == "csv":
        cells = [(json.dumps(r["user"]).replace('"', '""'), r["n"], r["label"]) for r in ROWS]
        path.write_text("user,n,label\n" + "".join(f'"{u}",{n},{y}\n' for u, n, y in cells))
    else:
        path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv"])
def test_fields_are_columns_in_every_format(tmp_path, form):
    path = written(tmp_path, form)
    found = mw.inspect(path, "label")
    kinds = {c["name"]: c["modality"] for c in found["columns"]}
    assert kinds == {"user.age": "number", "user.home.city": "category", "n": "number", "label": "category"}
    assert "`user` holds objects; their fields are columns: `user.age`, `user.home.city`." in found["told"][0][0]
    asked = mw.inspect(path, "label", column={"user": "text"})
    assert [c["name"] for c in asked["columns"]] == ["user", "n", "label"]
    assert asked["told"] == []
    table, _, odd = flattened(read(path), ())
    assert odd == []
    assert table.column("user.home.city").to_pylist()[:2] == [None, ROWS[1]["user"]["home"]["city"]]


def test_what_stays_as_it_is(tmp_path):
    ids = [{"m": {str(7 * i + k): 1 for k in range(7)}} for i in range(40)]  # keys that are values
    mixed = [{"m": {"a": 1}}, {"m": "text"}]
    taken = [{"m": {"a": 1}, "m.a": 2}, {"m": {"a": 3}, "m.a": 4}]
    for rows in (ids, mixed, taken):
        raw = read(rows)
        assert flattened(raw, ()) == (raw, [], [])
    media = pa.table({"m": [{"path": f"{i}.png", "bytes": None} for i in range(9)]})
    assert flattened(media, ())[0] is media


@pytest.mark.parametrize(
    ("cell", "kind"), [("unknown", "text"), (7, "a number"), ([1], "a list"), ('{"age": 3', "text")]
)
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_odd_cell_among_objects_is_named_and_the_others_stay_objects(tmp_path, cell, kind, form):
    rows = [{**r, "user": cell} if i == 41 else r for i, r in enumerate(ROWS)]
    path = tmp_path / f"d.{form}"
    if form == "csv":
        texts = [x if isinstance(x, str) else json.dumps(x) for x in (r["user"] for r in rows)]
        quoted = ['"' + t.replace('"', '""') + '"' for t in texts]
        path.write_text("user,n,label\n" + "".join(f"{u},{r['n']},{r['label']}\n" for u, r in zip(quoted, rows)))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    found = mw.inspect(path, "label")
    assert [c["name"] for c in found["columns"]] == ["user.age", "user.home.city", "n", "label"]
    (odd,) = [f for f in found["findings"] if f["code"] == "unreadable"]
    assert odd["column"] == "user"
    assert f"first in row 42: expected an object, received {kind}" in odd["words"][0]
    table, _, bad = flattened(read(path), ())
    assert [(b.row, b.column) for b in bad] == [(42, "user")]
    assert table.column("user.age").to_pylist() == [None if i == 41 else r["user"]["age"] for i, r in enumerate(ROWS)]


def test_too_many_odd_cells_leave_the_text_and_say_so():
    rows = [{"m": {"a": i} if i % 4 else "none at all"} for i in range(40)]
    raw = read(rows)
    table, told, odd = flattened(raw, ())
    assert (table, odd) == (raw, [])
    assert [w.en for w in told] == [
        "`m` holds objects in 30 of 40 cells and is read as text, since too many hold none: row 1, say."
    ]
    empty = [{"m": {"a": i} if i % 4 else ([], "", None)[i % 3]} for i in range(40)]
    table, _, odd = flattened(read(empty), ())
    assert (table.column_names, odd) == (["m.a"], [])


def test_dotted_names_are_found_in_objects():
    assert field_of({"a": {"b.c": {"d": 1}}}, "a.b.c.d") == 1
    assert row_with_fields({"a": {"b": 1, "x": 2}, "c": 3}, ["a.b", "a.y"]) == {"a.b": 1, "c": 3}
    plain = {"a.b": 1, "a": "text"}
    assert row_with_fields(plain, ["a.b", "a.y"]) == plain
    table = with_fields(pa.table({"a": ['{"b": 1}', None]}), ["a.b", "a.y"])
    assert table.column("a.b").to_pylist() == [1, None]
    assert table.column_names == ["a", "a.b"]


def test_a_model_of_fields_answers_objects_as_it_answers_columns(tmp_path):
    run = mw.fit(
        written(tmp_path, "jsonl"), "label", out=tmp_path / "runs", recipes=["linear"], search="none", budget="20s"
    )
    assert sorted(c.name for c in run.predictor.schema.inputs) == ["n", "user.age", "user.home.city"]
    rows = [{"user": r["user"], "n": r["n"]} for r in ROWS[:6]]
    flat = [
        {"user.age": r["user"]["age"], "user.home.city": r["user"].get("home", {}).get("city"), "n": r["n"]}
        for r in rows
    ]
    wanted = run.predictor.predict(flat)
    odd = [*rows[:2], {"user": "x", "n": 1}]
    for asked in (odd, read(odd)):
        answers = run.predictor.predict(asked, allow_missing=True)
        assert answers[:2] == wanted[:2]
        assert "expected an object, received text: `x`" in str(answers[2]["error"])
    assert run.predictor.predict(rows) == wanted
    assert run.predictor.predict(pa.Table.from_pylist(rows)) == wanted
    assert run.predictor.predict(read(written(tmp_path, "csv")))[:6] == wanted
    ring, key = KeyRing.open(tmp_path / "keys.json")
    with TestClient(create_app(run.predictor, keys=ring), headers={"Authorization": f"Bearer {key}"}) as client:
        answers = client.post("/predict", json={"rows": rows}).json()["answers"]
        assert [a["prediction"] for a in answers] == [a["prediction"] for a in wanted]
        assert [a["confidence"] for a in answers] == pytest.approx([a["confidence"] for a in wanted])
        body = "\n".join(map(json.dumps, rows))
        lines = client.post(
            "/predict", content=body, headers={"Content-Type": "application/x-ndjson"}
        ).text.splitlines()
        assert [json.loads(x)["prediction"] for x in lines] == [a["prediction"] for a in wanted]
        nested = client.post("/predict", json={**rows[1], "other": {"x": 1}})
        assert nested.json()["error"]["code"] == "nested"


def test_a_column_beside_a_field_of_its_name_stays_and_is_told():
    raw = pa.table({"user": [{"age": 1, "city": "x"}, {"age": 2, "city": "y"}], "user.age": [5, 6]})
    flat, told, odd = flattened(raw, ())
    assert flat.to_pydict() == {"user.city": ["x", "y"], "user.age": [5, 6]}
    assert told[-1].en.startswith("`user.age` is a column and a field of `user`: the column is read")
    assert odd == []
