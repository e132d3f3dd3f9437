"""Marks by rubric: columns put together, codec and metrics by hand, a model that reads texts, feedback with places, corrections."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.corrections import Unfit
from modelwright.core.answers.rubric import RubricCodec
from modelwright.core.config import check_tasks, make_config
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.evaluate.explain.marks import places, sentence
from modelwright.evaluate.metrics.rubric import kappa, metrics
from modelwright.improve.rows import gather
from modelwright.improve.source import Source
from modelwright.pipeline.intake import get_data
from modelwright.release.bundle import Predictor
from modelwright.testing import context, judged, sample_table
from modelwright.tune.parts import split_data

TASK = get_task("essay-scoring")


def essays(rows: int = 120, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    content, style = rng.integers(0, 3, rows), rng.integers(0, 3, rows)
    facts, ways = ("nothing", "one fact", "many facts and reasons"), ("dull", "plain", "vivid")
    filler = [
        " ".join(rng.choice(["sea", "hill", "road", "tree", "cloud", "lamp", "boat", "rain", "door", "bird"], 8))
        for _ in range(rows)
    ]
    texts = [f"{f} {facts[c]} {ways[s]}" for f, c, s in zip(filler, content, style, strict=True)]
    return pa.table({"essay": texts, "content": [int(c) + 1 for c in content], "style": [int(s) for s in style]})


def intake(rows: pa.Table, **options):
    config = make_config(data="memory", task="essay-scoring", **options)
    data = get_data(config, rows, EventStream())
    return data, split_data(config, data.table, data.test, data.aside, data.task, 20.0)


@pytest.fixture(scope="module")
def fitted():
    data, parts = intake(essays(), target="content", rubric=["style"])
    recipe = get_recipe("rubric-ridge")
    options = recipe.variants(data.table.schema, parts.target, len(data.table))[0]
    return parts, recipe.fit(parts.develop, None, options, context(TASK, parts.target))


def test_columns_of_marks_become_one_target(fitted):
    parts, model = fitted
    assert isinstance(parts.target, RubricCodec)
    assert {n: c.labels for n, c in parts.target.criteria.items()} == {
        "content": ("1", "2", "3"),
        "style": ("0", "1", "2"),
    }
    assert [c.name for c in parts.develop.schema.inputs] == ["essay"]
    found = judged(parts.test, parts.target, model.judge(parts.test), TASK.metrics)
    assert TASK.metrics[0](found) > 0.8
    assert TASK.metrics[0](found, 1) > 0.8
    again = target_from_state(json.loads(json.dumps(parts.target.state())))
    assert again.state() == parts.target.state()


def test_a_row_may_lack_marks_and_one_without_any_is_left_out():
    rows = essays(60)
    style = [None if i < 2 else v for i, v in enumerate(rows.column("style").to_pylist())]
    content = [None if i == 0 else v for i, v in enumerate(rows.column("content").to_pylist())]
    rows = rows.set_column(1, "content", pa.array(content)).set_column(2, "style", pa.array(style))
    data, parts = intake(rows, target="content", rubric=["style"])
    assert len(data.table) == 59
    assert parts.target.encode(data.table.column("content"))[0, 1] == -1


def test_kappa_by_hand_and_perfect_marks():
    assert kappa(np.array([0, 1, 2]), np.array([0, 1, 2])) == 1.0
    # weights 1, 4: one of four rows is one step off
    truth, said = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    expected = 1 - (1 / 4) / np.mean([(a - b) ** 2 for a in truth for b in said])
    assert kappa(truth, said) == pytest.approx(expected)
    codec = RubricCodec.fit(pa.array(['{"a": 1, "b": 5}', '{"a": 2}', '{"b": 4, "a": 3}']))
    table = pa.array(['{"a": 1, "b": 5}', '{"a": 3}'])
    truth = codec.encode(table)
    assert truth.tolist() == [[0, 1], [2, -1]]
    scores = codec.perfect(truth)
    assert codec.decode(scores).predictions[0] == {"a": 1, "b": 5}
    assert metrics()[2].function([(t, t) for t in truth]) == 1.0
    assert codec.plainly(truth, np.array([[0, 1], [1, 0]])).en.startswith(
        "gave 2 of 3 marks of unseen rows as people did"
    )


def test_feedback_quotes_what_counts(fitted):
    parts, model = fitted
    table = parts.test.take(np.array([0]))
    text = "many facts and reasons in dull words"
    table = type(table)(table.data.set_column(0, "essay", pa.array([text])), table.schema, table.rows)
    for name, good, bad in (("content", "many", None), ("style", None, "dull")):
        codec = parts.target.criteria[name]
        found = places(model.models[name], table, table.schema, codec, 1.0)
        for word, sign in ((good, 1), (bad, -1)):
            if word:
                at = text.index(word)
                weight = sum(a.weight for a in found if a.start is not None and a.start <= at < a.end)
                assert sign * weight > 0
        words = sentence(2, 1, codec, found)
        assert words.en.startswith("2 of ")
        assert "加分" in words.zh or "失分" in words.zh


def test_what_people_tell_is_checked():
    codec = RubricCodec.fit(pa.array(['{"content": 1, "style": 0}', '{"content": 2, "style": 1}']))
    assert codec.told({"content": 2}) == ({"content": 2}, False)
    assert codec.told('{"style": "1"}') == ({"style": 1}, False)
    assert codec.gist({"style": 1}) == codec.gist('{"style": "1"}')
    for wrong in ({}, {"grammar": 1}, [1], "3", {"content": 7}):
        with pytest.raises(Unfit):
            codec.told(wrong)


def test_corrections_stand_beside_columns_of_marks():
    source = Source(Path(), "content", "same", rows=essays(30), modalities={"essay": "text", "content": "category"})
    told = SimpleNamespace(
        id="1", row={"essay": "a new one"}, answer={"content": 3, "style": 0}, told_at=1.0, answered_at=None, subject=None,
        votes=1, agree=1.0, correct=False,
    )  # fmt: skip
    rows = gather(source, [told], None).rows
    data, parts = intake(rows, target="content", rubric=["style"])
    assert json.loads(data.table.column("content")[len(data.table) - 1].as_py()) == {"content": 3, "style": 0}
    assert set(parts.target.criteria) == {"content", "style"}


def test_what_cannot_be_marked_is_refused():
    with pytest.raises(ColumnError, match="style"):
        intake(essays(40), target="content", rubric=["styl"])
    rows = essays(40).set_column(2, "style", pa.array(["nice", "odd"] * 20))
    with pytest.raises(DataError, match="Column `style`: expected marks in an order"):
        intake(rows, target="content", rubric=["style"])
    misplaced = make_config(data="memory", task="classification", target="content", rubric=["style"])
    with pytest.raises(OptionError, match="--rubric is for the task essay-scoring"):
        check_tasks(misplaced)


def test_answers_name_each_criterion():
    table, target = sample_table(TASK, 40)
    recipe = get_recipe("rubric-constant")
    model = recipe.fit(table, None, recipe.options(), context(TASK, target))
    predictor = Predictor(TASK, table.schema, target, [(1.0, model)])
    answer = predictor.predict({"essay": "plain words"})[0]
    assert set(answer["prediction"]) == {"content", "style"}
    columns = target.columns([answer, {"prediction": None}], flat=True)
    assert columns["predicted_style"].to_pylist()[1] is None
    assert json.loads(columns["prediction"][0].as_py()) == answer["prediction"]
