"""The ledger: every way of tampering is found; many writers at once; nothing personal in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import LedgerError
from modelwright.core.keyref import Key
from modelwright.privacy import ledger
from modelwright.privacy.audit import checkpoint, read_entries, verify
from modelwright.privacy.ledger import append, place_of, record

KEY = Key.new()


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))


@pytest.fixture
def book(tmp_path) -> Path:
    place = tmp_path / "runs" / "ledger.jsonl"
    for i in range(6):
        append(place, KEY, "run", {"rows": i, "task": "分类"})
    return place


def lines(book: Path) -> list[str]:
    return book.read_text().splitlines()


def put(book: Path, new: list[str]) -> None:
    book.write_text("".join(line + "\n" for line in new))


def codes(book: Path, points: Path | None = None, key: Key = KEY) -> set[str]:
    return {p.code for p in verify(book, key, points)[0]}


def test_a_whole_ledger_is_whole(book, tmp_path):
    assert codes(book) == set()
    checkpoint(book, KEY, tmp_path / "away" / "points.jsonl")
    append(book, KEY, "predict", {"rows": 3})
    checkpoint(book, KEY, tmp_path / "away" / "points.jsonl")
    problems, entries = verify(book, KEY, tmp_path / "away" / "points.jsonl")
    assert problems == []
    assert [e["n"] for e in entries] == list(range(1, 8))
    assert "分类" in book.read_text()


@pytest.mark.parametrize("field", ["at", "who", "did", "rows", "task", "prev", "mac", "n"])
def test_an_edit_is_found(book, field):
    new = lines(book)
    entry = json.loads(new[2])
    entry[field] = entry[field] + 1 if isinstance(entry[field], int) else "0" + str(entry[field])[1:] + "x"
    new[2] = json.dumps(entry, ensure_ascii=False)
    put(book, new)
    assert "edited" in codes(book)
    assert any(p.line == 3 for p in verify(book, KEY)[0])


def test_an_entry_more_or_less_or_elsewhere_is_found(book):
    old = lines(book)
    put(book, old[:2] + old[3:])
    assert "removed" in codes(book)
    put(book, [old[0], old[2], old[1], *old[3:]])
    assert codes(book) & {"removed", "moved"}
    put(book, [*old, old[3]])
    assert "moved" in codes(book)
    put(book, [old[0], old[0], *old[1:]])
    assert "moved" in codes(book)
    extra = {**json.loads(old[3]), "n": 7}
    put(book, [*old, json.dumps(extra)])
    assert "edited" in codes(book)
    put(book, old[1:])
    assert "removed" in codes(book)
    put(book, ["hello", *old])
    assert "unreadable" in codes(book)
    put(book, [*old, "[" * 3000])
    assert "unreadable" in codes(book)


def test_a_cut_end_is_found_by_the_head_and_by_a_checkpoint(book, tmp_path):
    points = tmp_path / "points.jsonl"
    checkpoint(book, KEY, points)
    whole = lines(book)
    put(book, whole[:-2])
    assert codes(book) == {"cut"}  # the head that the key's folder keeps
    for head in (tmp_path / "home").rglob("ledgers/*.json"):
        head.unlink()
    assert codes(book) == set()  # a chain alone does not show it ...
    assert codes(book, points) == {"cut"}  # ... a checkpoint does
    book.write_text("")
    assert codes(book, points) == {"cut"}


def test_a_ledger_written_anew_by_whoever_holds_the_key_is_found_by_a_checkpoint(book, tmp_path):
    points = tmp_path / "points.jsonl"
    checkpoint(book, KEY, points)
    book.unlink()
    for i in range(8):
        append(book, KEY, "run", {"rows": 10 * i})
    assert codes(book) == set()
    assert codes(book, points) == {"rewritten"}


def test_a_forged_checkpoint_and_another_key_are_found(book, tmp_path):
    points = tmp_path / "points.jsonl"
    checkpoint(book, KEY, points)
    point = json.loads(points.read_text())
    points.write_text(json.dumps({**point, "n": 2}) + "\nnonsense\n")
    assert codes(book, points) == {"checkpoint"}
    assert "edited" in codes(book, key=Key.new())
    with pytest.raises(LedgerError, match="no checkpoint file"):
        verify(book, KEY, tmp_path / "no.jsonl")
    put(book, lines(book)[1:])
    with pytest.raises(LedgerError):
        checkpoint(book, KEY, points)  # what does not verify gets no checkpoint


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_change_of_bytes_goes_unseen(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("book") / "l.jsonl"
    for i in range(3):
        append(place, KEY, "run", {"rows": i})
    whole = place.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    new = data.draw(st.integers(0, 255))
    changed = whole[:at] + bytes([new]) + whole[at + 1 :]
    place.write_bytes(changed)
    if changed != whole:
        assert verify(place, KEY)[0]


def test_a_line_that_a_crash_left_unfinished_is_borne_and_noted(book):
    whole = book.read_bytes()
    book.write_bytes(whole + b'{"n": 7, "at": "2026')
    append(book, KEY, "run", {"rows": 7})
    problems, entries = verify(book, KEY)
    assert problems == []
    assert [e["did"] for e in entries[-2:]] == ["unfinished line found", "run"]
    assert entries[-2]["bytes"] == 20
    text = book.read_bytes().replace(b'"at": "2026\n', b'"at": "2027\n')
    book.write_bytes(text)
    assert codes(book) == {"unreadable"}  # what was noted is what must stand there


def test_many_writers_at_once_make_one_chain(tmp_path):
    place = tmp_path / "l.jsonl"
    code = (
        "import sys\nfrom pathlib import Path\nfrom modelwright.core.keyref import Key\n"
        "from modelwright.privacy.ledger import append\n"
        "[append(Path(sys.argv[1]), Key(b'k' * 32), 'run', {'w': int(sys.argv[2]), 'i': i}) for i in range(25)]"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(place), str(w)]) for w in range(4)]
    assert [p.wait() for p in started] == [0] * 4
    problems, entries = verify(place, Key(b"k" * 32))
    assert problems == []
    assert sorted((e["w"], e["i"]) for e in entries) == [(w, i) for w in range(4) for i in range(25)]


def test_long_entries_do_not_hide_the_last_one(tmp_path):
    place = tmp_path / "l.jsonl"
    for i in range(3):
        append(place, KEY, "run", {"long": "x" * 200_000, "i": i})
    assert [e["n"] for e in read_entries(place)] == [1, 2, 3]
    assert verify(place, KEY)[0] == []


def test_where_it_stands(tmp_path, monkeypatch):
    (tmp_path / "runs" / "a" / "bundle").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "config.yaml").write_text("")
    assert place_of(tmp_path / "runs" / "a") == tmp_path / "runs" / "ledger.jsonl"
    assert place_of(tmp_path / "runs" / "a" / "bundle") == tmp_path / "runs" / "ledger.jsonl"
    assert place_of(tmp_path / "runs") == tmp_path / "runs" / "ledger.jsonl"
    monkeypatch.chdir(tmp_path)
    for name, mark in (("copied", "manifest.json"), ("model", "config.json")):  # models that stand in no run
        (tmp_path / name).mkdir()
        (tmp_path / name / mark).write_text("{}")
        assert place_of(tmp_path / name) == Path("runs/ledger.jsonl")
    monkeypatch.chdir(tmp_path / "copied")
    assert place_of(Path()) == tmp_path / "home" / "modelwright" / "ledger.jsonl"
    monkeypatch.chdir(tmp_path)
    assert place_of(None) == Path("runs/ledger.jsonl")
    monkeypatch.setenv("MODELWRIGHT_LEDGER", str(tmp_path / "other.jsonl"))
    assert place_of(tmp_path / "runs" / "a") == tmp_path / "other.jsonl"
    record(tmp_path / "runs" / "a", "run", digests={"data": "canary"}, rows=3)
    (entry,) = read_entries(tmp_path / "other.jsonl")
    assert entry["rows"] == 3
    assert len(entry["data"]) == 32
    assert "canary" not in (tmp_path / "other.jsonl").read_text()
    monkeypatch.setenv("MODELWRIGHT_LEDGER", "off")
    record(tmp_path / "runs" / "a", "run")
    assert not (tmp_path / "runs" / "ledger.jsonl").exists()


def test_where_no_entry_can_be_written_the_act_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    for bad in (tmp_path / "file" / "l.jsonl", tmp_path / "pipe", tmp_path):
        monkeypatch.setenv("MODELWRIGHT_LEDGER", str(bad))
        for write in (lambda: record(tmp_path, "run"), ledger.ready):
            with pytest.raises(LedgerError, match=r"Cannot write.*MODELWRIGHT_LEDGER=off"):
                write()
    monkeypatch.delenv("MODELWRIGHT_LEDGER")
    runs = tmp_path / "file" / "runs"  # the one kept by default is no exception
    for write in (lambda: record(runs, "run"), lambda: ledger.ready(runs)):
        with pytest.raises(LedgerError, match="Cannot write"):
            write()
    monkeypatch.setattr(ledger, "own_key", lambda: (_ for _ in ()).throw(LedgerError("no home")))
    with pytest.raises(LedgerError, match=r"no home.*MODELWRIGHT_LEDGER=off"):
        record(tmp_path, "run")
    monkeypatch.setenv("MODELWRIGHT_LEDGER", "off")
    ledger.ready()
    record(tmp_path, "run")


def test_nothing_is_made_before_work_begins(tmp_path):
    ledger.ready(tmp_path / "runs" / "a")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x.replace('"rows": 2', '"rows":  2'),
        lambda x: x.replace('"rows": 2', '"rows": 2, "rows": 2'),
        lambda x: x.replace('"n": 3', '"n": 9, "n": 3'),
        lambda x: json.dumps(json.loads(x)),  # Han letters escaped
        lambda x: json.dumps(dict(reversed(json.loads(x).items())), ensure_ascii=False),
        lambda x: x + " ",
        lambda x: x + "\r",
        lambda x: " " + x,
        lambda x: x.replace('"rows": 2', '"rows": 2e0'),
        lambda x: x + "\n",
        lambda x: "\n" + x,
    ],
    ids=[
        "space",
        "twice",
        "number twice",
        "escapes",
        "order",
        "after",
        "return",
        "before",
        "figure",
        "blank",
        "blank above",
    ],
)
def test_an_entry_stands_in_one_form_only(book, other):
    new = lines(book)
    new[2] = other(new[2])
    put(book, new)
    assert codes(book) & {"form", "unreadable", "edited"}


def test_an_end_without_its_line_break_is_found(book):
    book.write_bytes(book.read_bytes()[:-1])
    assert codes(book) == {"unreadable"}
    append(book, KEY, "run", {"rows": 7})  # the whole entry without its end counts as what a crash left
    assert codes(book) <= {"cut", "rewritten"}


def test_ledgers_from_before_there_was_one_form_still_verify(tmp_path):
    place = tmp_path / "l.jsonl"
    before, text = ledger.FIRST, ""
    for n in (1, 2):
        entry = {
            "n": n,
            "at": "2026-01-01T00:00:00Z",
            "who": "a@b",
            "did": "run",
            "rows": n,
            "model": "m",
            "prev": before,
        }
        before = entry["mac"] = ledger.mac(KEY, entry)
        text += json.dumps(entry, ensure_ascii=False) + "\n"
    place.write_text(text)
    append(place, KEY, "run", {"rows": 3})
    assert codes(place) == set()


def test_text_that_no_file_can_hold_is_replaced_before_it_is_signed(book):
    append(book, KEY, "run", {"run": "a\udcff", "what": "b"})
    assert codes(book) == set()
    assert read_entries(book)[-1]["run"] == "a?"


def test_the_verbs(tmp_path, monkeypatch, capsys):
    from modelwright.cli import app as cli

    def call(*args: str) -> object:
        return cli.app(list(args), standalone_mode=False)

    monkeypatch.chdir(tmp_path)
    os.mkdir("runs")
    with pytest.raises(LedgerError, match="no ledger"):
        call("audit", "verify")
    record(None, "run", rows=5)
    record(None, "predict", rows=6)
    call("audit", "show", "--last", "1")
    assert "predict  rows=6" in capsys.readouterr().out
    call("audit", "checkpoint", "away.jsonl")
    call("audit", "verify", "--checkpoint", "away.jsonl", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["whole"] is True
    put(Path("runs/ledger.jsonl"), lines(Path("runs/ledger.jsonl"))[:1])
    assert call("audit", "verify", "--checkpoint", "away.jsonl") == 2
    assert "the end was cut" in capsys.readouterr().out
