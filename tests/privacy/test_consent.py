"""Consent and purpose: who may be used today, what is left out, withdrawal, erasure, retention, and what is due."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.keyref import Key, own_key
from modelwright.core.run import write_json
from modelwright.privacy import erasure, subjects
from modelwright.privacy.consent import allowed, check_wishes, read_consents
from modelwright.privacy.subjects import digest, due, mark_due, plain_subject, register, trace, write_subjects

NOW = dt.datetime(2026, 3, 10, 12, 0)


def table(path: Path, *rows: str, head: str = "subject,purpose,given,withdrawn,expires") -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (["a,training,2026-01-01,,"], None),
        (["a,training,2026-03-10,,"], None),
        (["a,training,2026-03-11,,"], "none"),  # not yet
        (["a,training,,,"], "none"),
        (["b,training,2026-01-01,,"], "none"),
        (["a,service,2026-01-01,,"], "none"),
        (["a,training;service,2026-01-01,,"], None),
        (["a,service、Training，x,2026-01-01,,"], None),
        (["a,training,2026-01-01,2026-03-10,"], "withdrawn"),
        (["a,training,2026-01-01,2026-03-11,"], None),  # only from then on
        (["a,training,2026-01-01,,2026-03-10"], None),  # the last day counts whole
        (["a,training,2026-01-01,,2026-03-09"], "expired"),
        (["a,training,2026-01-01,2026-02-01,", "a,training,2026-03-01,,"], None),  # given again
        (["a,training,2026-01-01,,", "a,training,,2026-02-01,"], "withdrawn"),  # kept by appending
        (["a,training,2026-02-01,2026-02-01,"], "withdrawn"),  # on the same day withdrawal holds
        (["a,training,,2026-02-01,"], "withdrawn"),
        (["a,training,2026-01-01,,2026-02-01", "a,training,2026-03-01,,"], None),
        (["Ａ ,training,2026年1月5日,,"], "none"),  # A is not a
        (["ａ ,training,2026年1月5日,,"], None),
    ],
)
def test_whether_consent_stands(tmp_path, rows, why):
    found = read_consents(table(tmp_path / "c.csv", *rows, "z,training,2026-01-01,,"))
    assert found.why_not("a", "training", NOW) == why


def test_every_form_of_the_table_says_the_same(tmp_path):
    import pyarrow.parquet as pq

    rows = {
        "用户": ["1", "2"],
        "目的": ["训练", "训练"],
        "同意日期": ["2026-01-01"] * 2,
        "撤回日期": [None, "2026-02-01"],
    }
    pa_table = pa.table(rows)
    pq.write_table(pa_table, tmp_path / "c.parquet")
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in pa_table.to_pylist()))
    typed = pa_table.set_column(2, "同意日期", pa.array([dt.date(2026, 1, 1)] * 2))
    typed = typed.set_column(3, "撤回日期", pa.array([None, dt.datetime(2026, 2, 1, tzinfo=dt.UTC)]))
    pq.write_table(typed.set_column(0, "用户", pa.array([1, 2])), tmp_path / "t.parquet")
    for name in ("c.parquet", "c.jsonl", "t.parquet"):
        found = read_consents(tmp_path / name)
        assert [found.why_not(s, "训练", NOW) for s in ("1", "2", "3")] == [None, "withdrawn", "none"], name


def test_a_table_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ColumnError, match="purpose"):
        read_consents(table(tmp_path / "c.csv", "a,2026-01-01", head="subject,given"))
    with pytest.raises(ColumnError, match="subject"):
        read_consents(table(tmp_path / "d.csv", "a,x,y", head="who,purpose,note"))
    named = read_consents(table(tmp_path / "n.csv", "a,x,2026-01-01", head="ticket_no,purpose,given"))
    assert named.why_not("a", "x", NOW) is None  # the one column that is no other's
    with pytest.raises(DataError, match="row 2, column `given`"):
        read_consents(table(tmp_path / "e.csv", "a,x,2026-01-01,,", "b,x,soon,,"))
    no_dates = read_consents(table(tmp_path / "f.csv", "a,x", "b,y", head="subject,purpose"))
    assert no_dates.why_not("a", "x", NOW) is None  # a list of those who agreed


def test_options_that_do_not_go_together():
    for wish in (
        ("c.csv", "u", None, None),
        (None, "u", "x", None),
        ("c.csv", None, "x", None),
        (None, None, None, "soon"),
    ):
        with pytest.raises(OptionError):
            check_wishes(*wish)
    check_wishes("c.csv", "u", "x", "when:90d")


RAW = pa.table({"u": ["a", "b", " a", None, "c"], "when": ["2026-03-01", "2025-01-01", "2025-12-10", "2026-03-01", ""]})


def test_rows_without_consent_or_too_old_are_left_out_and_counted(tmp_path):
    consents = str(table(tmp_path / "c.csv", "a,x,2026-01-01,,", "b,x,2026-01-01,2026-02-01,"))
    wish = {"consent": consents, "subject": "u", "purpose": "X", "time": None, "source": "d.csv", "now": NOW}
    found = allowed(RAW, retain=None, **wish)
    assert found.index.tolist() == [0, 2]
    assert found.counts == {"withdrawn": 1, "subject missing": 1, "none": 1}
    assert found.subjects == ["a", "a"]
    both = allowed(RAW, retain="when:90d", **wish)
    assert both.index.tolist() == [0, 2]
    shorter = allowed(RAW, retain="when:89d", **wish)
    assert shorter.index.tolist() == [0]
    assert shorter.counts["too old"] == 1
    alone = allowed(RAW, **{**wish, "consent": None, "purpose": None}, retain="when:90d")
    assert alone.index.tolist() == [0, 2, 3]
    assert alone.counts == {"too old": 1, "no date": 1}
    with pytest.raises(DataError, match=r"No row of d\.csv may be used: .*older"):
        allowed(RAW, retain="when:1d", **wish)
    with pytest.raises(OptionError, match="training"):
        allowed(RAW, retain=None, **{**wish, "purpose": "training"})
    with pytest.raises(ColumnError, match="usr"):
        allowed(RAW, retain=None, **{**wish, "subject": "usr"})
    with pytest.raises(OptionError, match="--time"):
        allowed(RAW, retain="90d", **wish)


@pytest.mark.parametrize(
    ("value", "plain"), [(None, ""), (12.0, "12"), (12, "12"), (" Ａ１ ", "A1"), ("007", "007"), (True, "True")]
)
def test_subjects_are_compared_in_one_form(value, plain):
    assert plain_subject(value) == plain


def test_digests_tell_whoever_holds_the_key_and_nobody_else(tmp_path):
    key = Key.new()
    names = [f"zhangsan-{i}" for i in range(50)]
    write_subjects(tmp_path, key, names[:40], names[30:])
    data = (tmp_path / subjects.FILE).read_bytes()
    assert b"zhangsan" not in data
    assert (trace(tmp_path, key, "zhangsan-3"), trace(tmp_path, key, "zhangsan-45")) == (
        subjects.Trace(True, False), subjects.Trace(False, True),
    )  # fmt: skip
    assert trace(tmp_path, key, "zhangsan-99") == subjects.Trace(False, False)
    assert trace(tmp_path, Key.new(), "zhangsan-3").readable is False
    assert trace(tmp_path / "none", key, "x") is None
    assert subjects.count(tmp_path) == 40
    assert subjects.trained_among(tmp_path, key, [*names, "x"]) == 40
    assert bytes.fromhex(digest(Key.new(), "zhangsan-3")) not in data
    write_subjects(tmp_path, key, [], [])
    assert trace(tmp_path, key, "zhangsan-3") == subjects.Trace(False, False)


@pytest.fixture
def runs(tmp_path) -> Path:
    """Two runs, one trained on u1 and one only tested on it; feedback, kept requests, and a data file."""
    root, key = tmp_path / "runs", own_key()
    data = tmp_path / "d.csv"
    data.write_text("user,text,when\n" + "".join(f"u{i % 4},row {i},{2025 + i % 2}-05-01\n" for i in range(40)))
    for name, trained, tested in (("one", ["u0", "u1"], ["u2"]), ("two", ["u2"], ["u1"])):
        (root / name / "data").mkdir(parents=True)
        (root / name / "config.yaml").write_text(f"data: {data}\n")
        facts = {"subject": "user", "purpose": "training", "consents": str(tmp_path / "c.csv")}
        write_json(root / name / "data" / "consent.json", facts)
        write_subjects(root / name / "data", key, trained, tested)
        (root / name / "feedback").mkdir()
        (root / name / "feedback" / "f.jsonl").write_text('{"user": "u1", "truth": "x"}\n{"user": "u2"}\n')
        (root / name / "requests").mkdir()
        (root / name / "requests" / "r.jsonl").write_text('{"rows": [{"user": "u1"}]}\n{"rows": [{"user": "u3"}]}\n')
    register(root, data, "user", time="when", retain="365d")
    table(
        tmp_path / "c.csv",
        "u0,training,2025-01-01,,",
        "u1,training;service,2025-01-01,,",
        "u2,training,2025-01-01,,2099-01-01",
    )
    return root


def test_erasure_walks_from_the_subject_to_everything(runs, tmp_path):
    looked = erasure.find(runs, "u1", own_key())
    assert looked.files[str(tmp_path / "d.csv")] == 10
    assert sum(looked.files.values()) == 14
    assert [p.name for p in looked.trained] == ["one"]
    assert [p.name for p in looked.tested] == ["two"]
    assert looked.unread == []
    assert "u1" in (tmp_path / "d.csv").read_text()
    erased = erasure.find(runs, "u1", own_key(), erase=True)
    assert erased.files == looked.files
    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file() and p.name != "c.csv")
    assert b"u1" not in everything
    assert b"u2" in everything
    assert erasure.find(runs, "u1", own_key()).files == {}


def test_what_cannot_be_looked_into_is_named(runs, tmp_path):
    register(runs, tmp_path / "gone.csv", "user")
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    register(runs, tmp_path / "a.xlsx", "user")
    register(runs, tmp_path / "d.csv", "usr")
    write_subjects(runs / "two" / "data", Key.new(), ["u1"], [])
    named = {Path(p).name for p, _ in erasure.find(runs, "u1", own_key()).unread}
    assert named == {"gone.csv", "a.xlsx", "d.csv", "two"}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_withdrawal_is_appended(tmp_path, kind):
    if kind == "csv":
        path = table(tmp_path / "c.csv", "a,x;y,2026-01-01,,", "b,x,2026-01-01,,")
        path.write_text(path.read_text().rstrip("\n"))  # no line end at its end
    else:
        path = tmp_path / "c.jsonl"
        rows = [
            {"subject": "a", "purpose": "x;y", "given": "2026-01-01", "withdrawn": None},
            {"subject": "b", "purpose": "x", "given": "2026-01-01"},
        ]
        path.write_text("\n".join(map(json.dumps, rows)))
    before = path.read_text()
    assert erasure.withdraw(path, "a", "X", NOW) == ["x"]
    assert path.read_text().startswith(before)
    found = read_consents(path)
    later = NOW + dt.timedelta(minutes=1)
    assert [found.why_not(s, p, later) for s, p in (("a", "x"), ("a", "y"), ("b", "x"))] == ["withdrawn", None, None]
    assert erasure.withdraw(path, "a", None, NOW) == ["x", "y"]
    with pytest.raises(DataError, match="no consent"):
        erasure.withdraw(path, "nobody", None)
    with pytest.raises(ColumnError, match="withdrawn"):
        erasure.withdraw(table(tmp_path / "n.csv", "a,x", head="subject,purpose"), "a", None)


def test_rows_kept_too_long_and_consents_that_ended(runs, tmp_path):
    now = dt.datetime(2026, 6, 1)
    assert erasure.expired(runs, now) == {str(tmp_path / "d.csv"): 20}
    assert erasure.expired(runs, now, delete=True) == {str(tmp_path / "d.csv"): 20}
    assert "2025-05-01" not in (tmp_path / "d.csv").read_text()
    assert erasure.expired(runs, now) == {}
    assert erasure.trained_from(runs, [str(tmp_path / "d.csv")]) == {runs / "one": 0, runs / "two": 0}
    assert erasure.lapsed(runs, own_key(), now) == {}
    erasure.withdraw(tmp_path / "c.csv", "u0", None, dt.datetime(2026, 5, 1))
    assert erasure.lapsed(runs, own_key(), now) == {runs / "one": 1}
    assert erasure.lapsed(runs, own_key(), dt.datetime(2100, 1, 1)) == {runs / "one": 1, runs / "two": 1}


def test_dates_day_first_are_told_by_the_whole_column(tmp_path):
    """03/04/2025 is 4 March here, as 12/25/2025 shows; read by itself it would pass for 3 April."""
    root, data = tmp_path / "runs", tmp_path / "d.csv"
    data.write_text("user,when\n" + "u1,12/25/2025\n" * 5 + "u2,03/04/2025\n" * 5)
    register(root, data, "user", time="when", retain="30d")
    assert erasure.expired(root, dt.datetime(2025, 4, 10)) == {str(data): 5}
    assert erasure.expired(root, dt.datetime(2025, 4, 2)) == {}


def call(*args: str) -> object:
    from modelwright.cli import app as cli

    return cli.app(list(args), standalone_mode=False)


def test_the_verbs(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").write_text("u1\n")
    with (tmp_path / "in").open() as f:
        monkeypatch.setattr("sys.stdin", f)
        call("consent", "show", "-")
    assert "trained on it" in capsys.readouterr().out
    call("consent", "erase", "u1", "--dry-run")
    assert "u1" in (tmp_path / "d.csv").read_text()
    call("consent", "erase", "u1", "--consents", "c.csv", "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["erased"] is True
    assert [d["why"] for d in due(runs / "one")] == ["erased"]
    assert due(runs / "two") == []
    call("consent", "withdraw", "u2", "--consents", "c.csv", "--purpose", "training")
    assert [d["why"] for d in due(runs / "two")] == ["withdrawn"]
    call("consent", "expire", "--delete")
    call("consent", "register", "d.csv", "--subject", "user")
    with pytest.raises(ColumnError):
        call("consent", "register", "d.csv", "--subject", "nobody")
    with pytest.raises(OptionError):
        call("consent", "register", "d.csv", "--subject", "user", "--retain", "3d")
    ledger = (runs / "ledger.jsonl").read_text()
    assert [json.loads(x)["did"] for x in ledger.splitlines()] == [
        "subject erased",
        "consent withdrawn",
        "retention checked",
    ]
    assert '"u1"' not in ledger
    assert '"u2"' not in ledger
    (tmp_path / "d.csv").unlink()
    assert call("consent", "erase", "u3") == 2  # not everything could be looked into


def test_due_is_shown_by_list_report_and_serve(runs, tmp_path, monkeypatch, capsys):
    from modelwright.cli.verbs.list import print_runs
    from modelwright.pipeline.report.records import list_runs
    from modelwright.privacy.subjects import due_words

    mark_due(runs / "one", "erased")
    mark_due(runs / "one", "retention", 0)
    words = due_words(runs / "one")
    assert "a subject was erased, rows are older" in words.en
    assert due_words(runs / "one" / "bundle") == words
    assert due_words(runs / "two") is None
    listed = {Path(r["run"]).name: r for r in list_runs(runs)}
    assert listed["one"]["due"] == list(words)
    print_runs(list(listed.values()), "zh")
    assert "需要重新训练" in capsys.readouterr().out
    from modelwright.evaluate.report.page import write_report

    facts = {"name": "x", "task": "classification", "metric": "m", "leaderboard": [], "metrics": [], "due": list(words)}
    assert "due for retraining" in write_report(facts, "en")


def test_rows_are_found_by_their_numbers_after_others_were_left_out():
    from modelwright.pipeline.concerns.consent import subjects_of
    from modelwright.privacy.consent import Allowed

    found = Allowed(np.array([1, 3, 4]), ["b", "d", "e"], {}, {})
    assert subjects_of(found, np.array([5, 2])) == ["e", "b"]
    assert subjects_of(found, np.array([9, 4, 1])) == ["d"]
    assert subjects_of(None, np.array([1])) == []
