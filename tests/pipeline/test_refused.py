"""Runs that are refused or end without a model: what is looked at before, what is said, and that nothing lies about."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelwright as mw
from modelwright.core.errors import BudgetTooSmall, CannotWrite, DataError, GateNotMet, ModelwrightError, OptionError
from modelwright.core.events import Note
from modelwright.core.run import FAILURES, RunFolder
from modelwright.core.task import get_task
from modelwright.pipeline import walk
from modelwright.pipeline.concerns import personal_data

TABLE, TARGET = get_task("classification").sample(60, 1)


def ended(monkeypatch, error: Exception, *, traceback: bool = False) -> None:
    """Let the climb end with an error; a recipe may have failed before."""

    def climb(state: walk.State) -> None:
        if traceback:
            (state.folder.path / FAILURES).mkdir()
            (state.folder.path / FAILURES / "linear.txt").write_text("Traceback", encoding="utf-8")
        raise error

    monkeypatch.setattr(walk, "climb", climb)


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("kind", [BudgetTooSmall, GateNotMet, DataError])
def test_a_run_without_a_model_leaves_no_folder(kind, tmp_path, monkeypatch):
    ended(monkeypatch, kind("No.", "否。"))
    with pytest.raises(kind, match=r"^No\.$"):
        mw.fit(TABLE, TARGET, name="it", out=tmp_path)
    assert not (tmp_path / "it").exists()


def test_tracebacks_stay_and_the_error_says_where(tmp_path, monkeypatch):
    ended(monkeypatch, BudgetTooSmall("No.", "否。"), traceback=True)
    with pytest.raises(BudgetTooSmall, match=r"The tracebacks are in .*failures") as e:
        mw.fit(TABLE, TARGET, name="it", out=tmp_path)
    assert "错误详情见" in e.value.words.zh
    assert files(tmp_path / "it") == ["failures/linear.txt"]
    with pytest.raises(ModelwrightError, match="no run at"):
        RunFolder.find(tmp_path / "it")


def test_a_full_disk_leaves_what_a_run_can_go_on_from(tmp_path, monkeypatch):
    ended(monkeypatch, CannotWrite("Full.", "已满。"))
    with pytest.raises(CannotWrite):
        mw.fit(TABLE, TARGET, name="it", out=tmp_path)
    assert {"config.yaml", "data/splits.json"} <= set(files(tmp_path / "it"))


def test_a_folder_that_holds_another_run_is_left_alone(tmp_path, monkeypatch):
    from modelwright.core.budget import Deadline
    from modelwright.core.config import make_config
    from modelwright.core.events import EventStream

    ended(monkeypatch, CannotWrite("Full.", "已满。"))
    with pytest.raises(CannotWrite):
        mw.fit(TABLE, TARGET, name="it", out=tmp_path)
    before = files(tmp_path / "it")
    config = make_config(data="memory", target=TARGET)
    with pytest.raises(DataError, match="holds a run already"):
        walk.run(config, TABLE, EventStream(), folder=RunFolder(tmp_path / "it"), deadline=Deadline.after(60))
    assert files(tmp_path / "it") == before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"metric": "macro_g1"}, "macro_f1"),
        ({"task": "regression"}, "cannot predict"),
        ({"gate": "macro_g1>=0.5"}, "macro_f1"),
        ({"gate": "macro_f1"}, "gate condition"),
    ],
)
def test_what_cannot_be_is_refused_before_personal_data_is_looked_for(options, word, tmp_path, monkeypatch):
    monkeypatch.setattr(personal_data, "protect", lambda *_, **__: pytest.fail("rows were looked through"))
    (tmp_path / "it").mkdir()
    told: list[str] = []
    with pytest.raises(OptionError, match=word):
        mw.fit(
            TABLE,
            TARGET,
            name="it",
            out=tmp_path,
            listeners=[lambda e: told.append(e.words.en) if isinstance(e, Note) else None],
            **options,
        )
    assert not [t for t in told if "is kept in" in t]
    assert [p.name for p in tmp_path.iterdir()] == ["it"]


def test_an_identifier_as_target_is_refused_before_too(tmp_path, monkeypatch):
    monkeypatch.setattr(personal_data, "protect", lambda *_, **__: pytest.fail("rows were looked through"))
    table = TABLE.append_column("number", [list(range(1, 61))])
    with pytest.raises(DataError, match="numbers the rows"):
        mw.fit(table, "number", out=tmp_path)


def test_a_name_that_is_taken_is_told_once_the_run_begins(tmp_path, monkeypatch):
    ended(monkeypatch, BudgetTooSmall("No.", "否。"))
    (tmp_path / "it").mkdir()
    told: list[str] = []
    with pytest.raises(BudgetTooSmall):
        mw.fit(
            TABLE,
            TARGET,
            name="it",
            out=tmp_path,
            listeners=[lambda e: told.append(e.words.en) if isinstance(e, Note) else None],
        )
    assert [t for t in told if "is taken by an earlier run" in t and t.endswith("it-2")]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"metric": "rocauc"}, "roc_auc"), ({"metric": "auc", "task": "regression"}, "There is no metric `auc`"),
     ({"recipes": ["svm"]}, "nearest is `linear`")],
)  # fmt: skip
def test_names_are_looked_at_before_the_data(tmp_path, options, said):
    with pytest.raises(OptionError, match=said):
        mw.fit(tmp_path / "not-there.csv", "y", out=tmp_path, progress=False, **options)
    assert not list(tmp_path.iterdir())


def test_one_row_is_too_few_whatever_else_is_wrong_with_it(tmp_path):
    (tmp_path / "one.csv").write_text("a,b\n1,x\n", encoding="utf-8")
    with pytest.raises(DataError, match="1 row cannot be split"):
        mw.fit(tmp_path / "one.csv", "b", out=tmp_path)
    (tmp_path / "series.csv").write_text("t,v\n2020-01-01,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="No series has more than one value"):
        mw.fit(tmp_path / "series.csv", "v", task="time-series-forecasting", out=tmp_path)
