"""What ships with an export answers raw rows as the bundle does, in Python without Modelwright and in JavaScript."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.release.export import export_onnx
from modelwright.release.onnx_runtime import load_onnx
from modelwright.testing import context, sample_table

SMALL = {
    "epochs": 1,
    "embedding": 8,
    "filters": 8,
    "width": 16,
    "rounds": 20,
    "trees": 10,
    "crosses": False,
    "bigrams": True,
}
ROWS = [
    {}, {"amount": None, "message": ""}, {"amount": -1e9, "channel": "未见", "member": False, "message": "退款退款 ①② ﬁ"},
    {"amount": 3, "channel": "ｍａｉｌ", "member": True, "message": "ΑΣ élan don't\u3000stop 12 3.5! 東京タワー कि", "at": "2024-02-29T23:59:59"},
    {"message": "please refund " * 60, "at": "1969-12-31T01:00:00+08:00"},
]  # fmt: skip


DOTTED = {"amount": "order.amount", "channel": "order.from.channel", "member": "by.member"}


def nested(row):
    """Return a row in which the dotted columns are fields of objects."""
    out = {k: v for k, v in row.items() if k not in DOTTED}
    if "amount" in row or "channel" in row:
        out["order"] = {"amount": row.get("amount"), "from": {"channel": row.get("channel")}}
    return {**out, "by": {"member": row["member"]}} if "member" in row else out


def exported(task_name, recipes, folder, utc=True, dotted=False):
    import pyarrow as pa

    task = get_task(task_name)
    table, target = sample_table(task, 90)
    at = pa.array(np.datetime64("2024-01-05T03:00", "us") + np.arange(90) * 10_000_000_000)
    schema = Schema((Column("at", "timestamp", options={"utc": utc}), *table.schema))
    data = table.data.add_column(0, "at", at)
    rows = [{c.name: r[c.name] for c in schema.inputs} for r in data.to_pylist()[:12]]
    rows = [{**r, "at": r["at"].isoformat()} for r in rows] + ROWS
    if dotted:
        schema = Schema(tuple(replace(c, name=DOTTED.get(c.name, c.name)) for c in schema))
        data = data.rename_columns(schema.names)
        rows = [nested(r) for r in rows]
    table = Table.of(data, schema)
    members = []
    for i, name in enumerate(recipes):
        recipe = get_recipe(name)
        options = recipe.variants(schema, target, 90)[0]
        small = {**SMALL, "pairs": task_name == "classification"}
        options = options.model_copy(update={k: v for k, v in small.items() if k in type(options).model_fields})
        members.append((1.0 + i, recipe.fit(table, table, options, context(task, target))))
    predictor = Predictor(task, schema, target, members, temperature=1.3, name="sample")
    return predictor, export_onnx(predictor, folder), rows


CASES = [
    ("classification", ("constant", "linear", "trees", "textcnn"), True, False),
    ("classification", ("linear", "trees"), True, True),
    ("regression", ("linear", "extratrees", "tabm"), True, False),
    ("multi-label-classification", ("linear", "extratrees"), False, False),
]


def python_alone(predictor, rows, tmp_path):
    """Check encode.py in a process that does not have Modelwright."""
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    code = (
        "import json, sys; sys.path.insert(0, 'onnx'); from encode import Model; "
        "said = Model('onnx').predict(json.load(open('rows.json'))); "
        "assert 'modelwright' not in sys.modules; print(json.dumps(said))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same(json.loads(done.stdout), predictor.predict(rows, scores=True))


def same(got, wanted):
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        made = isinstance(b["prediction"], float)
        assert a["prediction"] == (pytest.approx(b["prediction"], abs=1e-4, rel=1e-4) if made else b["prediction"]), i
        if "scores" in b:
            assert a["scores"] == pytest.approx(b["scores"], abs=1e-4), i
            assert a["confidence"] == pytest.approx(b["confidence"], abs=1e-4), i


@pytest.mark.parametrize(("task", "recipes", "utc", "dotted"), CASES)
def test_python_and_javascript_answer_as_the_bundle_does(task, recipes, utc, dotted, tmp_path):
    predictor, folder, rows = exported(task, recipes, tmp_path / "onnx", utc, dotted)
    python_alone(predictor, rows, tmp_path)
    node = shutil.which("node")
    assert node, "this test runs the JavaScript file: install node"
    sys.path.insert(0, str(folder))
    try:
        sys.modules.pop("encode", None)
        from encode import Model
    finally:
        sys.path.pop(0)
    python = Model(folder)
    inputs = python.inputs(rows)
    scores = [m.scores(predictor.table(rows)[0]) for _, m in load_onnx(folder).members]
    (tmp_path / "in.json").write_text(json.dumps({"rows": rows, "scores": [s.ravel().tolist() for s in scores]}))
    (tmp_path / "run.mjs").write_text(
        'import { readFileSync } from "node:fs"; import { Model } from "./onnx/encode.mjs";\n'
        'const model = new Model(JSON.parse(readFileSync("onnx/encode.json", "utf8")));\n'
        'const given = JSON.parse(readFileSync("in.json", "utf8"));\n'
        "const plain = (t) => ({ dims: t.dims, type: t.type, data: Array.from(t.data, (v) => Number.isNaN(Number(v)) ? null : Number(v)) });\n"
        "const inputs = model.inputs(given.rows).map((m) => Object.fromEntries(Object.entries(m).map(([k, t]) => [k, plain(t)])));\n"
        "console.log(JSON.stringify({ inputs, answers: model.answers(given.scores) }));\n"
    )
    done = subprocess.run([node, "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for own, other in zip(inputs, said["inputs"], strict=True):
        assert set(own) == set(other)
        for key, array in own.items():
            assert other[key]["dims"] == list(array.shape), key
            assert other[key]["type"] == {"float32": "float32", "int64": "int64"}[str(array.dtype)]
            found = np.array([np.nan if v is None else v for v in other[key]["data"]]).reshape(array.shape)
            np.testing.assert_allclose(found, array, rtol=1e-5, atol=1e-5, err_msg=key)
    same(said["answers"], predictor.predict(rows, scores=True))


def test_columns_that_only_modelwright_can_encode_ship_without(tmp_path):
    predictor, folder, _ = exported("classification", ("trees",), tmp_path / "a")
    assert (folder / "encode.py").exists()
    predictor.members[0][1].crosses = object()
    from modelwright.release._standalone import write_standalone

    (tmp_path / "b").mkdir()
    assert not write_standalone(tmp_path / "b", predictor, [{"file": "m", "weight": 1, "kind": "trees"}])
    assert not list((tmp_path / "b").iterdir())
