"""`predict` gives as many rows out as in, each value under its own name, and names every row that it cannot read."""

import csv
import datetime as dt
import json
import sys

import pyarrow.parquet as pq
import pytest

import modelwright as mw
from modelwright.cli import app as cli


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rows = [
        {"text": f"{said} number {i}", "channel": "mail", "label": label}
        for i in range(40)
        for said, label in (("the parcel is late", "parcel"), ("charged me twice", "bill"))
    ]
    out = tmp_path_factory.mktemp("runs")
    return mw.fit(rows, "label", out=out, recipes=["linear"], search="none", budget="20s").folder


@pytest.fixture
def predict(model, monkeypatch):
    def call(*args):
        monkeypatch.setattr(sys, "argv", ["modelwright", "predict", str(model), *map(str, args)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    return call


def test_a_field_that_comes_late_and_one_that_ends_early(predict, tmp_path):
    rows = [
        {"text": f"the parcel is late, {i}", **({"channel": "mail"} if i < 4100 else {"note": i})} for i in range(4200)
    ]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert predict(path, "-o", tmp_path / "o.csv") == 0
    assert predict(path, "-o", tmp_path / "o.parquet") == 0
    with (tmp_path / "o.csv").open(newline="") as f:
        text = list(csv.DictReader(f))
    table = pq.read_table(tmp_path / "o.parquet").to_pylist()
    for given, a, b in zip(rows, text, table, strict=True):
        assert a["text"] == b["text"] == given["text"]
        assert (a["channel"] or None, b["channel"]) == (given.get("channel"),) * 2
        assert (a["note"] and int(a["note"]), b["note"]) == (given.get("note", ""), given.get("note"))
        assert a["prediction"] == b["prediction"] == "parcel"


def test_rows_that_cannot_be_read_keep_their_place(predict, tmp_path, capfd):
    lines = [f'"the parcel, {i}, is late",mail' for i in range(30)]
    lines[3], lines[5] = "the parcel, 3,mail", '"charged me, twice,mail'
    path = tmp_path / "d.csv"
    path.write_text("text,channel\n" + "\n".join(lines) + "\n")
    assert predict(path, "-o", tmp_path / "o.csv", "--strict") == 2
    assert "row 4 (line 5): 3 cells where there are 2 columns" in capfd.readouterr().err
    assert not (tmp_path / "o.csv").exists()
    assert predict(path, "-o", tmp_path / "o.csv") == 0
    said = capfd.readouterr().err
    assert "row 6 (line 7): a quote is opened" in said
    assert "28 rows" in said
    assert "2 unreadable" in said
    with (tmp_path / "o.csv").open(newline="") as f:
        got = list(csv.DictReader(f))
    assert [i for i, row in enumerate(got) if not row["prediction"]] == [3, 5]
    assert [row["text"] for row in got[6:8]] == ["the parcel, 6, is late", "the parcel, 7, is late"]
    assert len(got) == 30


def test_a_blank_line_of_one_column_is_a_row(predict, tmp_path, capfd):
    path = tmp_path / "d.csv"
    path.write_text("text\nthe parcel is late\n\ncharged me twice\n")
    assert predict(path, "-o", tmp_path / "o.jsonl") == 0
    assert "d.csv: 1 row is blank and has no prediction (row 2)." in capfd.readouterr().err
    got = [json.loads(line)["prediction"] for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert got == ["parcel", None, "bill"]
    assert predict(path, "-o", tmp_path / "s.csv", "--strict") == 2
    assert "row 2 (line 3): the row is blank" in capfd.readouterr().err


def test_rows_without_any_input_are_counted(predict, tmp_path, capfd):
    path = tmp_path / "d.csv"
    path.write_text("id,text\n1,the parcel is late\n2,\n,\n\n3,\n4,charged me twice\n")
    assert predict(path, "-o", tmp_path / "o.jsonl") == 0
    said = capfd.readouterr().err
    assert "d.csv: 1 blank line between the rows is passed over (line 5)." in said
    assert "d.csv: 1 row is blank and has no prediction (row 3)." in said
    assert (
        "2 rows hold no value in any column that the model reads; their predictions rest on nothing in them (rows 2, 4)."
        in said
    )
    got = [json.loads(line)["prediction"] for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert [p is None for p in got] == [False, False, True, False, False]
    path.write_text("id,text\n,\n,\n")
    assert predict(path, "-o", tmp_path / "p.jsonl") == 2
    assert "2 rows are blank and have no prediction (rows 1, 2)" in capfd.readouterr().err


def test_a_bundle_keeps_how_its_data_was_spelt(tmp_path):
    text = "ciudad;gasto;y\n" + "".join(
        f"{c};{i},25;{y}\n" for i in range(40) for c, y in (("Málaga", "a"), ("León", "b"))
    )
    (tmp_path / "d.csv").write_bytes(text.encode("cp1252"))
    run = mw.fit(tmp_path / "d.csv", "y", out=tmp_path / "runs", recipes=["linear"], search="none", budget="20s")
    loaded = mw.load(run.folder)
    assert loaded.reading == {"encoding": "cp1252", "delimiter": ";", "decimal": ","}
    rows = [{"ciudad": "Málaga", "gasto": "3,25"}, {"ciudad": "Málaga", "gasto": 3.25}]
    assert loaded.predict(rows)[0] == loaded.predict(rows)[1]


def test_another_spelling_of_numbers_and_dates_gives_the_same_answers(tmp_path, monkeypatch, capfd):
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=2 * i) for i in range(160)]
    rows = [(d, i % 16 / 16, "late" if d.day > 15 else "soon") for i, d in enumerate(days)]
    (tmp_path / "train.csv").write_text(
        "d;dose;y\n" + "".join(f"{d:%m/%d/%Y};{str(x).replace('.', ',')};{y}\n" for d, x, y in rows)
    )
    run = mw.fit(
        str(tmp_path / "train.csv"),
        "y",
        out=tmp_path,
        recipes=["linear"],
        search="none",
        budget="30s",
        ensemble=False,
        refit=False,
    )

    def answers(name, head, lines):
        (tmp_path / name).write_text(head + "\n" + "".join(line + "\n" for line in lines))
        monkeypatch.setattr(sys, "argv", ["modelwright", "predict", str(run.folder), str(tmp_path / name), "--scores"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code
        said = capfd.readouterr()
        return [[r["prediction"], r["score_late"]] for r in csv.DictReader(said.out.splitlines())], said.err

    own, said = answers("own.csv", "d;dose", [f"{d:%m/%d/%Y};{str(x + 0.001).replace('.', ',')}" for d, x, _ in rows])
    assert "other" not in said
    other, said = answers("other.csv", "d,dose", [f"{d:%d.%m.%Y},{x + 0.001}" for d, x, _ in rows])
    assert other == own
    assert "decimal points here, other than in training (dose)" in said
    assert "dates are read in another order here than in training (d: dmy)" in said
