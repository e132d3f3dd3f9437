"""One intake: every option of a source holds for every task, and for training and test rows alike."""

import json
import sqlite3
from pathlib import Path

import openpyxl
import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream, Warned
from modelwright.core.reading import Reading
from modelwright.core.task import get_task
from modelwright.pipeline.intake import get_data, read_rows

PAIRS = [(f"How do I return item {i}?", f"Send item {i} back within {i + 2} days.") for i in range(12)]
MARKED = [(f"Anna met Otto {i}", json.dumps([{"start": 0, "end": 4, "label": "person"}])) for i in range(30)]
CHATS = [
    json.dumps([{"role": "user", "content": f"hi {i}"}, {"role": "assistant", "content": "hello"}]) for i in range(9)
]
TABLES = {
    "question-answering": (("question", "answer"), PAIRS),
    "token-classification": (("text", "spans"), MARKED),
    "text-generation": (("messages",), [(c,) for c in CHATS]),
    "regression": (("x", "y"), [(str(i % 9 + 0.5), str(i * 2.5)) for i in range(30)]),
}


def rows_of(task: str, source, events=None, *, test: bool = False, **asked):
    return read_rows(get_task(task), source, Reading(**asked), events or EventStream(), test=test)


def database(folder: Path, task: str) -> str:
    """Return the URL of a database with the task's rows in the table `mine`, beside one that must not be read."""
    names, rows = TABLES[task]
    path = folder / "store.db"
    with sqlite3.connect(path) as base:
        columns = ", ".join(f'"{n}" text' for n in names)
        base.execute(f"create table mine ({columns})")
        base.execute("create table others (unread text)")
        base.executemany(f"insert into mine values ({', '.join('?' * len(names))})", rows)
    return f"sqlite:///{path}"


def workbook(folder: Path, task: str) -> Path:
    """Return an Excel file with the task's rows in its second sheet."""
    names, rows = TABLES[task]
    book = openpyxl.Workbook()
    book.active.append(["nothing", "here"])
    sheet = book.create_sheet("mine")
    for row in (names, *rows):
        sheet.append(row)
    book.save(folder / "book.xlsx")
    return folder / "book.xlsx"


def delimited(folder: Path, task: str, sign: str, encoding: str, suffix: str = ".csv") -> Path:
    names, rows = TABLES[task]
    quoted = [sign.join('"' + c.replace('"', '""') + '"' for c in row) for row in (names, *rows)]
    path = folder / f"rows{suffix}"
    path.write_text("\n".join(quoted) + "\n", encoding=encoding)
    return path


def held(table, task: str) -> list[str]:
    """Return what shows that the right rows were read."""
    if task == "question-answering":
        passages = [json.loads(p) for p in table.column("passage").to_pylist() if p]
        return sorted(p["text"] for p in passages)
    return sorted(map(str, table.column(TABLES[task][0][0]).to_pylist()))


def wanted(task: str) -> list[str]:
    at = 1 if task == "question-answering" else 0
    rows = [row[at] for row in TABLES[task][1]]
    return (
        sorted(json.dumps(json.loads(r), ensure_ascii=False) for r in rows)
        if task == "text-generation"
        else sorted(rows)
    )


@pytest.mark.parametrize("task", list(TABLES))
def test_table_and_query_of_a_database(task, tmp_path):
    url = database(tmp_path, task)
    assert held(rows_of(task, url, table="mine")[0], task) == wanted(task)
    assert held(rows_of(task, url, query="select * from mine")[0], task) == wanted(task)
    with pytest.raises(DataError, match="--query SQL or --table NAME"):
        rows_of(task, url)
    with pytest.raises(DataError, match="mime"):
        rows_of(task, url, table="mime")


@pytest.mark.parametrize("task", list(TABLES))
def test_sheet_of_an_excel_file(task, tmp_path):
    path = workbook(tmp_path, task)
    assert held(rows_of(task, path, sheet="mine")[0], task) == wanted(task)
    with pytest.raises(DataError, match="no sheet `others`"):
        rows_of(task, path, sheet="others")


@pytest.mark.parametrize("task", list(TABLES))
def test_delimiter_and_encoding_of_a_text(task, tmp_path):
    path = delimited(tmp_path, task, "~", "utf-16-le")
    raw, detected = rows_of(task, path, delimiter="~", encoding="utf-16-le")
    assert held(raw, task) == wanted(task)
    assert (detected.delimiter, detected.encoding) == ("~", "utf-16-le")


def test_header_says_that_the_first_line_is_a_row(tmp_path):
    (tmp_path / "d.csv").write_text("\n".join(f'"{t}","{s.replace(chr(34), chr(34) * 2)}"' for t, s in MARKED))
    raw, _ = rows_of("token-classification", tmp_path / "d.csv", header=False)
    assert raw.num_rows == len(MARKED)
    assert raw.column_names == ["column_1", "column_2"]


@pytest.mark.parametrize(("sign", "shown"), [("/", "/"), (None, "\t")])
def test_a_token_file_is_read_as_asked(sign, shown, tmp_path):
    text = "".join(f"Müller{shown}B-name\nlacht{shown}O\n\n" for _ in range(20))
    (tmp_path / "a.bio").write_text(text, encoding="cp1252")
    raw, _ = rows_of("token-classification", tmp_path / "a.bio", delimiter=sign, encoding="cp1252")
    assert raw.column("text").to_pylist() == ["Müller lacht"] * 20


def test_encoding_of_documents_and_corpora(tmp_path):
    text = "Der Käse kostet fünf Taler. Die Lieferung dauert höchstens drei Tage. Für Rückgaben gilt eine Frist von zehn Tagen."
    (tmp_path / "a.txt").write_text(text, encoding="utf-16-be")
    raw, _ = rows_of("text-generation", tmp_path / "a.txt", encoding="utf-16-be")
    assert "".join(raw.column("passage").to_pylist()) == text
    raw, _ = rows_of("question-answering", tmp_path / "a.txt", encoding="utf-16-be")
    assert any("Käse" in json.loads(p)["text"] for p in raw.column("passage").to_pylist() if p)


@pytest.mark.parametrize("task", ["token-classification", "text-generation", "regression"])
def test_memory_samples_rows_and_says_so(task, tmp_path):
    names, _ = TABLES[task]
    path = delimited(tmp_path, task, ",", "utf-8")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[1:] * 2000]) + "\n")
    events, told = EventStream(), []
    events.listen(told.append)
    raw, _ = rows_of(task, path, events, memory=60_000, seed=1)
    whole = 2000 * (len(lines) - 1)
    assert 0 < raw.num_rows < whole / 4
    assert names[0] in raw.column_names
    assert any("more than the memory allows" in e.words.en for e in told if isinstance(e, Warned))
    assert rows_of(task, path, memory=60_000, seed=1)[0].equals(raw)


def test_test_rows_are_read_as_training_rows(tmp_path):
    task, columns = "token-classification", ("text", "spans")
    names, rows = TABLES[task]
    for name, part in (("train", rows[:20]), ("test", rows[20:])):
        lines = ["~".join('"' + c.replace('"', '""') + '"' for c in row) for row in (names, *part)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines), encoding="cp1252")
    asked = {"task": task, "delimiter": "~", "encoding": "cp1252", "test": str(tmp_path / "test.csv")}
    data = get_data(make_config(data=str(tmp_path / "train.csv"), **asked), tmp_path / "train.csv", EventStream())
    assert (len(data.table), len(data.test)) == (20, 10)
    assert all(c in data.table.schema.names for c in columns)
    assert data.reading == {"encoding": "cp1252", "delimiter": "~", "decimal": "."}


def test_what_was_detected_in_training_decides_for_test_rows(tmp_path):
    train = "name;a\n" + "".join(f"L’été à Besançon où naître {i % 7};{i},5\n" for i in range(40))
    (tmp_path / "train.csv").write_bytes(train.encode("cp1252"))
    (tmp_path / "test.csv").write_bytes("name;a\nété;3,25\ngott;4\n".encode("cp1252"))
    config = make_config(data="d", target="a", test=str(tmp_path / "test.csv"))
    data = get_data(config, tmp_path / "train.csv", EventStream())
    assert data.test.column("a").to_pylist() == [3.25, 4.0]
    assert data.test.column("name").to_pylist()[0] == "été"


def test_cells_of_test_rows_that_cannot_be_read_are_told(tmp_path):
    lines = [f"{i}.5,{i * 2.5}" for i in range(30)]
    (tmp_path / "train.csv").write_text("\n".join(["x,y", *lines]))
    (tmp_path / "test.csv").write_text("\n".join(["x,y", *lines[:8], "soon,4.5", "3.5,late"]))
    events, told = EventStream(), []
    events.listen(told.append)
    config = make_config(data=str(tmp_path / "train.csv"), target="y", test=str(tmp_path / "test.csv"))
    data = get_data(config, config.data, events)
    said = [e.words.en for e in told if isinstance(e, Warned)]
    assert data.test is not None
    assert len(data.test) == 9
    assert any(
        "test.csv, `x`: 1 value cannot be read (`soon`); first in row 9" in s and s.endswith("They count as missing.")
        for s in said
    )


def test_test_rows_of_a_database(tmp_path):
    url = database(tmp_path, "regression")
    (tmp_path / "train.csv").write_text("x,y\n" + "".join(f"{i % 9 + 0.5},{i + 0.5}\n" for i in range(30)))
    config = make_config(data="d", target="y", table="mine", test=url)
    data = get_data(config, tmp_path / "train.csv", EventStream())
    assert len(data.test) == 30


def test_what_was_asked_is_never_changed(tmp_path):
    (tmp_path / "d.csv").write_text("x;y\n1,5;2\n2,5;3\n")
    reading = Reading()
    read_rows(get_task("regression"), tmp_path / "d.csv", reading, EventStream())
    assert reading == Reading()
    with pytest.raises(AttributeError):
        reading.delimiter = ","


@pytest.mark.parametrize("option", ["group", "time"])
def test_the_target_has_no_second_role(option, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{i % 9},{i % 2}\n" for i in range(40)), encoding="utf-8")
    config = make_config(data=str(path), target="y", **{option: "y"})
    with pytest.raises(OptionError, match=f"--{option} names the target `y`"):
        get_data(config, str(path), EventStream())


def test_a_source_that_labels_its_items_needs_no_target_and_that_is_said(tmp_path):
    path = tmp_path / "genes.fasta"
    path.write_text("".join(f">g{i} kind{i % 3} label={'xy'[i % 2]}\n{'ACGT'[i % 4] * (20 + i)}\n" for i in range(40)))
    said: list[str] = []
    events = EventStream()
    events.listen(lambda e: said.append(e.words.en) if hasattr(e, "words") else None)
    data = get_data(make_config(data=str(path)), str(path), events)
    assert data.table.schema.target.name == "label"
    assert "The target is `label`" in " ".join(said)
    named = get_data(make_config(data=str(path), target="description"), str(path), EventStream())
    assert named.table.schema.target.name == "description"
