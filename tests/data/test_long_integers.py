"""Whole numbers beyond floats are names: neighbours stay apart, from every source."""

import decimal
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import modelwright as mw
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema
from modelwright.data.sources import read

FIRST = 1_790_000_000_000_000_000
IDS = [FIRST + i for i in range(60)]
COLUMNS = {
    "int64": pa.array(IDS, pa.int64()),
    "uint64": pa.array([i + 2**63 for i in IDS], pa.uint64()),
    "decimal128": pa.array([decimal.Decimal(i) for i in IDS], pa.decimal128(38, 0)),
    "text": pa.array([str(i) for i in IDS]),
    "negative": pa.array([-i for i in IDS], pa.int64()),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_they_are_identifiers_and_stay_distinct(kind, tmp_path):
    raw = pa.table({"user": COLUMNS[kind], "y": [1.5, 2.5, 3.0] * 20})
    pq.write_table(raw, tmp_path / "d.parquet")
    raw = read(tmp_path / "d.parquet")
    schema = infer_schema(raw)
    assert (schema["user"].modality, schema["user"].role) == ("id", "ignored")
    grouped = infer_schema(raw, group="user", target="y")
    typed, bad = coerce(raw, grouped)
    assert not bad
    cells = typed.column("user").to_pylist()
    assert cells == [str(v) for v in COLUMNS[kind].to_pylist()]
    assert (
        coerce_rows([{"user": int(cells[7])}], grouped.with_column("user", role="input"))[0].column("user")[0].as_py()
        == cells[7]
    )
    assert mw.inspect(raw, ignore=["user"])["columns"][0]["role"] == "ignored"
    assert mw.inspect(raw)["rows"] == 60


def test_few_of_them_are_categories_and_labels_stay_apart():
    raw = pa.table({"shop": pa.array(IDS[:3] * 20), "y": pa.array(IDS[:2] * 30)})
    schema = infer_schema(raw, target="y")
    assert [c.modality for c in schema] == ["category", "category"]
    assert coerce(raw, schema)[0].column("y").unique().to_pylist() == [str(i) for i in IDS[:2]]


def test_from_text_files(tmp_path):
    (tmp_path / "d.csv").write_text("user,y\n" + "".join(f"{i},{i % 7}\n" for i in IDS))
    (tmp_path / "d.jsonl").write_text("".join(json.dumps({"user": i * 100, "y": i % 7}) + "\n" for i in IDS))
    for name in ("d.csv", "d.jsonl"):
        raw = read(tmp_path / name)
        assert infer_schema(raw)["user"].modality == "id", name
        assert len(coerce(raw, infer_schema(raw, group="user"), need_target=False)[0].column("user").unique()) == 60


def test_large_amounts_with_decimals_stay_numbers():
    raw = pa.table(
        {"x": pa.array([decimal.Decimal("90071992547409.91")] * 9 + [decimal.Decimal("1.50")], pa.decimal128(20, 2))}
    )
    assert infer_schema(raw)["x"].modality == "number"
