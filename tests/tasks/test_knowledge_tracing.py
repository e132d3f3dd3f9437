"""Knowledge tracing: files read, columns found, learners held out, answers in turn, recipes against what can be foreseen, odd input."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.right_wrong import RightWrongCodec
from modelwright.core.config import make_config
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.learners import HISTORY, read_three_lines
from modelwright.evaluate.metrics.chosen import auc
from modelwright.evaluate.metrics.tracing import steadiness
from modelwright.pipeline.intake import get_data
from modelwright.recipes.shared.tracing import answers_of
from modelwright.release.bundle import Predictor
from modelwright.testing import context, sample_table
from modelwright.tune.parts import split_data

TASK = get_task("knowledge-tracing")


def intake(rows: pa.Table, **options):
    config = make_config(data="memory", task="knowledge-tracing", **options)
    data = get_data(config, rows, EventStream())
    return data, split_data(config, data.table, data.test, data.aside, data.task, 60.0)


def school(learners: int = 120, seed: int = 0) -> pa.Table:
    """Learners of two kinds of ability, in turn at three skills, who learn as they go."""
    rng = np.random.default_rng(seed)
    each = 15
    who = np.repeat(np.arange(learners), each)
    place = np.tile(np.arange(each), learners)
    skill = place % 3
    logit = np.where(who % 2 == 0, 1.5, -1.5) + 0.15 * place - 0.8 * (skill == 2)
    right = (rng.random(len(who)) < 1 / (1 + np.exp(-logit))).astype(int)
    names = np.array(["加法", "minus", "times"])[skill]
    return pa.table({"student_id": [f"s{w}" for w in who], "skill_name": names, "correct": right, "order_id": place})


def test_files_of_three_lines_are_read(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("2\n7,12\n1,0\n\n3\n7,7,8,\n0,0,1\n")
    found = read_three_lines(path)
    assert found is not None
    assert [tuple(r.values()) for r in found.to_pylist()] == [
        ("answers-1", "7", "1"), ("answers-1", "12", "0"), ("answers-2", "7", "0"), ("answers-2", "7", "0"), ("answers-2", "8", "1"),
    ]  # fmt: skip
    path.write_text("2\n7,12\n1,0\n3\n7,7\n0,0\n")
    with pytest.raises(DataError, match=r"line 4: expected a count of answers .* received `3` and lines of 2 and 2"):
        read_three_lines(path)
    path.write_text("learner,skill,correct\na,b,1\n")
    assert read_three_lines(path) is None
    assert read_three_lines("https://example.com/x.csv") is None


def test_columns_are_found_and_learners_stay_on_one_side():
    data, parts = intake(school())
    roles = {c.name: (c.role, c.modality) for c in data.table.schema}
    assert roles["student_id"] == ("input", "id")
    assert roles["skill_name"] == ("input", "category")
    assert roles["order_id"][0] == "time"
    assert roles["correct"] == ("target", "boolean")
    sides = [set(parts.develop.column("student_id").to_pylist()), set(parts.test.column("student_id").to_pylist())]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == 24
    assert len(parts.splits) == 5
    for train, valid in parts.splits:
        who = [set(parts.develop.take(rows).column("student_id").to_pylist()) for rows in (train, valid)]
        assert not who[0] & who[1]


def test_later_answers_can_be_held_out_and_those_before_are_known():
    _, parts = intake(school(), hold_out="time")
    late = np.asarray(parts.test.column("order_id"))
    assert late.min() > np.asarray(parts.develop.column("order_id")).max()
    model = get_recipe("elo").fit(parts.develop, None, get_recipe("elo").options(), context(TASK, parts.target))
    truth = np.asarray(parts.test.column("correct"))
    with_past = auc(truth, model.judge(parts.test)[:, 1])
    model.before = None
    assert with_past > auc(truth, model.judge(parts.test)[:, 1]) + 0.05
    with pytest.raises(OptionError, match="--time"):
        intake(school().drop_columns(["order_id"]), hold_out="time")
    with pytest.raises(OptionError, match="received last"):
        intake(school(), hold_out="last")


@pytest.mark.parametrize("name", TASK.recipes)
def test_recipes_foresee_what_can_be_foreseen(name):
    data, parts = intake(school())
    recipe = get_recipe(name)
    options = recipe.variants(data.table.schema, parts.target, len(data.table))[0]
    small = {"rounds": 60} if name == "trace-trees" else {"epochs": 12, "width": 32, "batch": 8} if recipe.needs else {}
    train, valid = (parts.develop.take(rows) for rows in parts.splits[0])
    model = recipe.fit(train, valid, options.model_copy(update=small), context(TASK, parts.target))
    value = auc(np.asarray(parts.test.column("correct")), model.judge(parts.test)[:, 1])
    low, high = (0.5, 0.7) if name == "skill-rate" else (0.68, 0.95)
    assert low < value < high
    # a question is answered from its history as it is judged in its table
    answers, rows = answers_of(parts.test, model.skills)
    last = int(answers.begins[1]) - 1
    cells = [f"{model.skills.names[s]}={r}" for s, r in zip(answers.skills[:last], answers.right[:last], strict=True)]
    table = parts.test.take(rows[last : last + 1])
    asked = type(table)(table.data.append_column(HISTORY, pa.array([cells])), table.schema, table.rows)
    assert model.scores(asked)[0, 1] == pytest.approx(model.judge(parts.test)[rows[last], 1], abs=2e-4)
    few = model.after(answers.skills[:last].tolist(), answers.right[:last].tolist(), [0, int(answers.skills[last]), 3])
    assert few[1] == pytest.approx(model.judge(parts.test)[rows[last], 1], abs=2e-4)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"correct": [1] * 60}, DataError, "received right ones only"),
        ({"skill_name": None}, ColumnError, "--skill"),
        ({"student_id": None}, ColumnError, "--user"),
        ({"student_id": ["a"] * 60}, DataError, "Answers of 1 learner are too few"),
    ],
)
def test_what_cannot_be_traced_is_refused(changed, error, words):
    rows = school(4)
    for name, values in changed.items():
        at = rows.column_names.index(name)
        rows = rows.drop_columns([name]) if values is None else rows.set_column(at, name, pa.array(values))
    with pytest.raises(error, match=words):
        intake(rows)


def test_answers_that_are_neither_right_nor_wrong_are_told_by_row():
    rows = school()
    cells = [str(v) for v in rows.column("correct").to_pylist()]
    cells[2], cells[4] = "0.5", ""
    data, _ = intake(rows.set_column(2, "correct", pa.array(cells)))
    assert len(data.table) == len(rows) - 2
    assert [(b.row, b.column, b.words.en) for b in data.bad] == [(3, "correct", "expected yes or no, received `0.5`")]
    assert any("0.5" in f.words.en for f in data.findings)


def test_a_predictor_tells_bad_histories_and_new_skills():
    table, target = sample_table(TASK, 60)
    recipe = get_recipe("bkt")
    model = recipe.fit(table, None, recipe.options(), context(TASK, target))
    predictor = Predictor(TASK, TASK.served(table.schema), target, [(1.0, model)])
    rows = [
        {"learner": "x", "skill": "fractions", "history": ["fractions=1", "fractions=1"]},
        {"learner": "x", "skill": "fractions", "history": ["fractions=0", "fractions=0"]},
        {"learner": "x", "skill": "nothing like it"},
        {"learner": "x", "skill": "fractions", "history": ["fractions"]},
    ]
    left = predictor.left_out(predictor.table(rows)[0])
    assert [(v.row, v.column) for v in left] == [(3, "skill")]
    assert "no training row practises the skill `nothing like it`" in left[0].words.en
    known = {"learner": "x", "skill": "fractions", "history": ["ghosts=1", "ghosts=0", "fractions=1"]}
    assert [v.column for v in predictor.left_out(predictor.table([known])[0])] == ["history"]
    found = predictor.predict(rows, scores=True)
    assert found[0]["scores"]["true"] > found[1]["scores"]["true"]
    assert 0 < found[2]["scores"]["true"] < 1
    assert found[3]["error"] == "expected answers as `skill=1` (right) or `skill=0` (wrong), received `fractions`"


def test_a_table_of_answers_tells_the_history_of_its_questions():
    table, target = sample_table(TASK, 60)
    recipe = get_recipe("bkt")
    model = recipe.fit(table, None, recipe.options(), context(TASK, target))
    predictor = Predictor(TASK, TASK.served(table.schema), target, [(1.0, model)])
    rows = pa.table(
        {"learner": ["a", "b", "a", "a", "b"], "skill": ["fractions"] * 5, "correct": ["1", "0", "1", None, None]}
    )
    found = [a["scores"]["true"] for a in predictor.predict(rows, scores=True)]
    history = [[], [], ["fractions=1"], ["fractions=1", "fractions=1"], ["fractions=0"]]
    asked = [{"learner": "x", "skill": "fractions", "history": h} for h in history]
    assert found == [a["scores"]["true"] for a in predictor.predict(asked, scores=True)]
    assert found[3] > found[4] > found[0]


def test_the_codec_is_stored_and_says_what_it_foresaw():
    codec = RightWrongCodec.fit(pa.array([True, False, True, None]))
    again = target_from_state(codec.state())
    assert isinstance(again, RightWrongCodec)
    assert again.counts == (1, 2)
    assert codec.plainly(np.array([1, 1, 0]), np.array([1, 0, 0])).en == "foresaw 2 of 3 unseen answers (67 %)"
    columns = codec.columns([{"prediction": False, "confidence": 0.75}, {"prediction": None}], flat=True)
    assert columns["probability"].to_pylist() == [0.25, None]


def test_steadiness_counts_steps_within_a_skill():
    assert steadiness(np.array([0.5, 0.6, 0.4, 0.3]), np.array([1, 1, 0, 1]), np.array([1, 2, 3, -1])) == (1, 2)


@pytest.mark.parametrize(
    ("name", "right", "wrong"), [("对错", "√", "×"), ("result", "Correct", "Incorrect"), ("答题结果", "正确", "错误")]
)
def test_right_and_wrong_as_schools_write_them(name, right, wrong):
    rows = {
        "student": [f"s{i % 20}" for i in range(180)],
        "skill": ["x", "y", "z"] * 60,
        name: [right, wrong, wrong] * 60,
    }
    data, _ = intake(pa.table(rows))
    assert data.table.column(name).to_pylist() == [True, False, False] * 60
