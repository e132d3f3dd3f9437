"""`modelwright feedback` and `modelwright review` on a bundle: counts, refused rows, tasks out and annotations back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, save
from modelwright.serve.feedback.ids import AnswerIds
from modelwright.serve.feedback.place import opened
from modelwright.serve.feedback.secret import secret_of, store_of
from modelwright.serve.feedback.shapes import Kept
from modelwright.testing import context, sample_table

ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "我要退款 please"}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODELWRIGHT_DB", raising=False)
    task = get_task("classification")
    table, target = sample_table(task, 80)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target))
    save(Predictor(task, table.schema, target, [(1.0, model)], name="desk"), tmp_path / "runs" / "desk" / "bundle")
    return tmp_path / "runs" / "desk" / "bundle"


def ask(capsys: Any, *arguments: str) -> tuple[int, Any, str]:
    """Run a command with --json; return its exit code, what it printed, and its standard error."""
    from modelwright.cli.app import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["modelwright", *arguments, "--json"])
        with pytest.raises(SystemExit) as e:
            main()
    out, err = capsys.readouterr()
    return int(e.value.code or 0), json.loads(out) if out.strip() else None, err


def test_a_file_without_rows(bundle: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "told.csv").write_text("id,answer\n", encoding="utf-8")
    code, _, err = ask(capsys, "feedback", str(bundle), "told.csv")
    assert code == 2
    assert "told.csv holds no rows" in err


def test_a_file_and_label_studio(bundle: Path, tmp_path: Path, capsys: Any) -> None:
    predictor, home = opened(str(bundle))
    a, b = predictor.target.labels[:2]
    ids = AnswerIds(secret_of(home), home.name, home.version, predictor.target)
    answers: list[dict[str, Any]] = [{"prediction": a} for _ in range(3)]
    ids.give(answers)
    store = store_of(home)
    store.keep([Kept(x["id"], home.version, 1.0, 1e12, ROW, a, {a: 0.6, b: 0.4}, 0.6, 0.2) for x in answers])
    (tmp_path / "told.csv").write_text(f"id,answer\n{answers[0]['id']},{b}\nnone,{a}\n", encoding="utf-8")
    code, said, _ = ask(capsys, "feedback", str(bundle), "told.csv")
    assert (code, said["taken"], [r["row"] for r in said["refused"]]) == (2, 1, [2])
    code, said, _ = ask(capsys, "review", str(bundle), "--out", "tasks.json", "--order", "newest")
    assert (code, said["tasks"]) == (0, 3)
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    for task in tasks:
        task["annotations"] = [{"completed_by": 7, "result": task["predictions"][0]["result"]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    code, said, _ = ask(capsys, "review", str(bundle), "--read", "export.json")
    assert (code, said["taken"], said["refused"]) == (0, 3, [])
    code, said, _ = ask(capsys, "feedback", str(bundle))
    assert (said["versions"][home.version]["answers"], said["kept"]) == (4, 3)
    code, said, _ = ask(capsys, "review", str(bundle))
    assert said["agreement"] == [{"first": "file", "second": "label-studio:7", "rows": 1, "share": 0.0, "kappa": 0.0}]


def test_what_cannot_be_done_is_one_sentence(bundle: Path, capsys: Any) -> None:
    code, _, err = ask(capsys, "review", str(bundle), "--worth")
    assert (code, err.count("\n")) == (2, 1)
    assert "40 labelled rows" in err
    code, _, err = ask(capsys, "review", str(bundle), "--out", "t.json", "--order", "sideways")
    assert code == 2
    assert "sideways" in err
    code, _, err = ask(capsys, "feedback", str(bundle), "absent.csv")
    assert (code, err.count("\n")) == (2, 1)
