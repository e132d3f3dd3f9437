"""One student in place of a blend: what it learns, when there is one, when it stands for the blend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.budget import Deadline
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.events import EventStream, Note
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.core.teacher_answers import Taught
from modelwright.recipes.shared.rows import row_a_label
from modelwright.tune import student
from modelwright.tune.ladder import climb
from modelwright.tune.private import check_private

from .made import Some, SomeModel, planner, some


def table(count: int, answers: list[Any], kind: str) -> Table:
    x = np.random.default_rng(0).normal(size=count)
    data = pa.table({"x": x, "y": answers})
    return Table.of(data, Schema((Column("x", "number"), Column("y", kind, "target"))))


def context(task: str, target: Any, taught: Taught | None) -> FitContext:
    made = get_task(task)
    return FitContext(made.loss, target, Deadline.after(30), EventStream(), made.metrics[0], taught=taught)


def test_a_teachers_scores_are_found_by_row() -> None:
    rows = table(4, ["a", "b", "a", "b"], "category")
    taught = Taught.by_row(rows.rows[::-1], np.arange(4.0)[:, None])
    assert taught.of(rows.take(np.array([2, 0]))).tolist() == [[1.0], [3.0]]
    with pytest.raises(ValueError, match="not answered"):
        Taught.by_row(rows.rows[:3], np.zeros((3, 1))).of(rows)


def test_soft_labels_as_weighted_rows_weigh_what_the_rows_do() -> None:
    soft = np.array([[0.7, 0.2, 0.1, 0.0], [0.0, 0.0, 1.0, 0.0]])
    rows, labels, weights = row_a_label(soft, np.array([1.0, 3.0]))
    assert rows.tolist() == [0, 0, 0, 1]
    assert labels.tolist() == [0, 1, 2, 2]
    assert weights == pytest.approx([0.7, 0.2, 0.1, 3.0])


@pytest.mark.parametrize("name", ["linear", "trees", "extratrees", "tabm"])
def test_a_student_learns_shares_of_labels_that_no_row_has(name: str) -> None:
    if name == "tabm":
        pytest.importorskip("torch")
    rows = table(400, ["ab"[i % 2] for i in range(400)], "category")
    target = ClassesCodec.fit(rows.column("y"))
    says = np.tile([0.1, 0.9], (400, 1))
    recipe = get_recipe(name)
    options = recipe.variants(rows.schema, target, 400)[0]
    valid = rows.take(np.arange(0, 400, 4))
    means = []
    for taught in (None, Taught.by_row(rows.rows, says)):
        model = recipe.fit(rows, valid, options, context("classification", target, taught))
        means.append(float(model.scores(rows)[:, 1].mean()))
    assert means[0] == pytest.approx(0.5, abs=0.08)
    assert means[1] == pytest.approx(0.3 * 0.5 + 0.7 * 0.9, abs=0.12)


@pytest.mark.parametrize("name", ["linear", "trees", "extratrees", "tabm"])
def test_a_student_learns_a_teachers_values(name: str) -> None:
    if name == "tabm":
        pytest.importorskip("torch")
    rows = table(400, [float(i % 2) for i in range(400)], "number")
    target = ValueCodec.fit(rows.column("y"))
    recipe = get_recipe(name)
    options = recipe.variants(rows.schema, target, 400)[0]
    taught = Taught.by_row(rows.rows, np.full((400, 1), 1.5))
    model = recipe.fit(rows, None, options, context("regression", target, taught))
    assert float(model.scores(rows).mean()) == pytest.approx(0.3 * 0.5 + 0.7 * 1.5, abs=0.15)


class HalfModel(SomeModel):
    """Sure and right on every row but those of its own fifth, where it is unsure and wrong."""

    part = 0

    def scores(self, table: Table) -> np.ndarray:
        truth = np.asarray(table.column("x").to_numpy(zero_copy_only=False), int)
        wrong = table.rows % 5 == self.part if self.right < 1 else np.zeros(len(truth), bool)
        sure = np.where(wrong, 0.4, 0.9)
        out = np.empty((len(table), 2))
        out[np.arange(len(table)), truth], out[np.arange(len(table)), 1 - truth] = sure, 1 - sure
        return out


def half(name: str, part: int, *, taught: float = 0.5, learns: bool = True) -> Some:
    """Make a recipe that is right on all rows but a fifth; taught, it is so where `taught` is below 1, else right on all."""
    model = type("Own", (HalfModel,), {"part": part, "recipe": name})
    seen: list[bool] = []

    def fit(self: Some, train: Table, valid: Table | None, options: Any, ctx: FitContext) -> Any:
        seen.append(ctx.taught is not None)
        if ctx.taught is not None:
            assert ctx.taught.of(train).shape == (len(train), 2)
            own = type("Taught", (HalfModel,), {"part": part}) if taught >= 0.5 else type("Worse", (SomeModel,), {})
            return own(taught, ctx.target)
        return model(0.5, ctx.target)

    kinds = frozenset({"softmax"}) if learns else frozenset()
    made = type("Half", (Some,), {"name": name, "rank": 5, "fit": fit, "learns_scores": kinds, "seen": seen})
    return made(0.8, 0.0, None, None, 0)


@pytest.fixture
def quick(monkeypatch: Any) -> None:
    """Answers take a millisecond each, whatever the machine does."""
    from modelwright.tune import candidate
    from modelwright.tune.timing import AnswerTime

    monkeypatch.setattr(
        candidate, "answer_time", lambda models, *a, **k: AnswerTime(float(len(models)), 0.01 * len(models))
    )


def recipes(**more: Any) -> list[Some]:
    return [half(n, i, **more) for i, n in enumerate(("one", "two", "three"))]


def test_a_student_that_was_asked_for_stands_for_the_blend(monkeypatch: Any, quick: None) -> None:
    made = recipes(taught=1.0)
    plan, told = planner(monkeypatch, made, config={"student": True})
    out = climb(plan)
    assert out.learnt is not None
    assert out.learnt.shipped
    assert len(out.learnt.blend.winner) > 1
    assert [c.name for _, c in out.winner] == ["student"]
    assert out.winner[0][1].refitted
    assert sum(r.seen[-1] for r in made) == 1  # the refit was taught, too
    assert len(out.scores) == len(out.validation.index)
    assert any("stands for the blend" in e.words.en and "代替组合" in e.words.zh for e in told if isinstance(e, Note))


def test_a_student_that_lies_behind_does_not(monkeypatch: Any, quick: None) -> None:
    plan, _ = planner(monkeypatch, recipes(taught=0.3), config={"student": True})
    out = climb(plan)
    assert out.learnt is not None
    assert out.learnt.student is not None
    assert not out.learnt.shipped
    assert len(out.winner) > 1
    assert "too far behind" in out.learnt.why.en
    assert "差距过大" in out.learnt.why.zh


@pytest.mark.parametrize(("latency", "learnt"), [(0.0015, True), (0.1, False)])
def test_without_being_asked_for_there_is_one_where_the_blend_is_too_slow(
    monkeypatch: Any, quick: None, latency: float, learnt: bool
) -> None:
    made = recipes(taught=1.0)
    plan, _ = planner(monkeypatch, made, latency=latency)
    out = climb(plan)
    assert (out.learnt is not None) is learnt
    if learnt:
        assert out.learnt.shipped
        assert [c.name for _, c in out.winner] == ["student"]
        assert plan.standings.cost(out.winner[0][1]) <= latency
    else:
        assert len(out.winner) > 1
        assert not any(any(r.seen) for r in made)


@pytest.mark.parametrize(
    ("more", "kinds", "words"),
    [
        ({"student": False}, True, None),
        ({"student": True, "ensemble": False}, True, "--no-ensemble"),
        ({"student": True}, False, "learns what it answers"),
    ],
)
def test_where_there_can_be_none_it_is_told(monkeypatch: Any, quick: None, more: Any, kinds: bool, words: Any) -> None:
    plan, told = planner(monkeypatch, recipes(learns=kinds), config=more)
    out = climb(plan)
    assert "student" not in [c.name for c in out.candidates]
    notes = [e.words.en for e in told if isinstance(e, Note)]
    assert any(words in n for n in notes) if words else not any("tudent" in n for n in notes)


def test_a_student_is_judged_by_the_folds_that_all_members_have_done(monkeypatch: Any, quick: None) -> None:
    made = recipes(taught=1.0)[:2]
    plan, _ = planner(monkeypatch, made, config={"student": True})
    plan.choose_recipes()
    found = [
        plan.train(r, r.variants(None, None, 0)[0], r.name, 30.0, folds=f)
        for r, f in zip(made, (None, (0, 1)), strict=True)
    ]  # type: ignore[arg-type]
    winner = [(0.5, c) for c in found if c is not None]
    scores = np.mean([c.scores for _, c in winner], axis=0)
    assert np.isnan(scores).any()
    learnt = student.teach(plan, plan.fits, student.Blend(winner, 0.9, scores, 1.0), winner, scores, 1.0)
    assert learnt.student is not None
    assert learnt.student.folds == (0, 1)
    assert learnt.shipped
    assert "48 validation rows" in learnt.why.en


def test_a_student_of_a_slow_blend_must_be_as_good_as_what_won(monkeypatch: Any, quick: None) -> None:
    monkeypatch.setattr(student, "_WITHIN", 100.0)  # whatever the blend may be
    plan, _ = planner(monkeypatch, recipes(taught=0.3), latency=0.0015)
    out = climb(plan)
    assert out.learnt is not None
    assert out.learnt.student is not None
    assert not out.learnt.shipped


def test_one_model_alone_leaves_nothing_to_learn(monkeypatch: Any) -> None:
    plan, told = planner(monkeypatch, [some("one", right=0.9)], config={"student": True})
    out = climb(plan)
    assert out.learnt is None
    assert any("no blend is better" in e.words.en for e in told if isinstance(e, Note))


@pytest.mark.parametrize(("asked", "told"), [(True, "stands for the blend"), (None, "No time for a student")])
def test_one_that_was_asked_for_comes_before_the_refit(monkeypatch: Any, quick: None, asked: Any, told: str) -> None:
    made = recipes(taught=1.0)
    plan, _ = planner(monkeypatch, made, config={} if asked is None else {"student": asked})
    plan.choose_recipes()
    found = [plan.train(r, r.variants(None, None, 0)[0], r.name, 30.0) for r in made]  # type: ignore[arg-type]
    winner = [(1 / 3, c) for c in found if c is not None]
    scores = np.mean([c.scores for _, c in winner], axis=0)
    monkeypatch.setattr(type(plan), "left", lambda self: 10.0)
    learnt = student.teach(plan, plan.fits, student.Blend(winner, 0.9, scores, 1.0), winner, scores, 10.0)
    assert told in learnt.why.en
    assert learnt.student is None or learnt.student.folds == (0,)


def test_it_does_not_go_with_a_privacy_budget() -> None:
    with pytest.raises(OptionError, match="--student does not go with --epsilon"):
        check_private(make_config(data="x", target="y", epsilon=3.0, student=True))


def test_report_and_leaderboard_tell_of_it(tmp_path: Path, monkeypatch: Any) -> None:
    import modelwright as mw

    monkeypatch.setattr(student, "_WITHIN", 50.0)  # so few rows say nothing of what it is worth
    rng = np.random.default_rng(0)
    x = rng.normal(size=(700, 3))
    y = np.where(x[:, 0] + np.sin(3 * x[:, 1]) + 0.7 * rng.normal(size=700) > 0, "b", "a")
    data = pa.table({"p": x[:, 0], "q": x[:, 1], "r": x[:, 2], "y": y})
    told = {"recipes": ["linear", "trees", "extratrees"], "search": "none", "budget": "20s", "student": True}
    monkeypatch.setattr("modelwright.tune.ensemble._LIKELY", (0.0, 0.0, 0.0))  # a blend whatever it gains
    folder = mw.fit(data, "y", out=tmp_path, **told).folder
    facts = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert facts["winner"] == ["student"]
    assert facts["student"]["shipped"]
    assert len(facts["student"]["of"]) > 1
    rows = {r["name"]: r for r in facts["leaderboard"]}
    assert rows["student"]["winner"]
    assert "learnt what" in rows["student"]["reason"][0]
    blend = rows[" + ".join(facts["student"]["of"])]
    assert blend["recipe"] == "ensemble"
    assert not blend["winner"]
    assert "学习了" in facts["chosen"][1]
    assert "learnt what" in facts["chosen"][0]
    assert "learnt what" in (folder / "report.html").read_text(encoding="utf-8")
    assert len(list((folder / "bundle" / "members").iterdir())) == 1
