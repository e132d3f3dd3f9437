"""Candidates of a mixture that leave slow media out: which there are, what a fit sees, and that answers stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.budget import Deadline
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table, arrow_type
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import kind_of
from modelwright.testing import context
from modelwright.tune.candidate import Validation, candidate_of, fit_fold, load_candidate, refit, save_candidate
from modelwright.tune.pace import Stopwatch
from modelwright.tune.without_media import seen, with_lean

TASK = get_task("classification")


def table(*modalities: str) -> Table:
    columns = [*(Column(f"c{i}", m) for i, m in enumerate(modalities)), Column("y", "category", "target")]
    data = pa.table({c.name: pa.nulls(90, arrow_type(c.modality)) for c in columns})
    return Table.of(data, Schema(tuple(columns)))


@pytest.mark.parametrize(
    ("name", "modalities", "leaves"),
    [
        ("trees", ("image", "number"), [(), ("image",)]),
        ("linear", ("audio", "video", "text"), [(), ("audio", "video")]),
        ("tabm", ("image", "number", "text"), [("image",), ()]),
        ("textcnn", ("image", "text"), [("image",), ()]),
        ("textcnn", ("image", "number"), None),  # refuses without a text: its own affair, and no lean one either
        ("fastnet", ("image", "number"), [(), ()]),  # made for pictures
        ("trees", ("image",), [(), ()]),
        ("trees", ("number", "text"), [(), ()]),
        ("constant", ("image", "number"), [()]),
    ],
)
def test_which_are_tried(name: str, modalities: tuple[str, ...], leaves: list[tuple[str, ...]] | None) -> None:
    recipe, rows = get_recipe(name), table(*modalities)
    target = TASK.fit_target(pa.array(["a", "b"]), rows.schema["y"])
    plain = recipe.variants(rows.schema, target, len(rows))
    made = with_lean(plain, recipe, rows, target)
    if leaves is None:
        assert made == plain
    else:
        assert [o.leave for o in made[:2]] == leaves


def test_a_fit_sees_what_is_left() -> None:
    rows = table("image", "number")
    options = get_recipe("trees").options(leave=("image",))
    assert [c.name for c in seen(rows, options).schema.inputs] == ["c1"]
    assert seen(rows, get_recipe("trees").options()) is rows


def test_a_lean_candidate_answers_whole_rows_and_is_kept(tmp_path: Path) -> None:
    states = [i % 3 for i in range(60)]
    raw = pa.table(
        {
            "picture": pa.array(kind_of("image").sample(states, 1)),
            "size": [float(s) + 0.01 * i for i, s in enumerate(states)],
            "y": [f"k{s}" for s in states],
        }
    )
    rows, bad = coerce(raw, infer_schema(raw, target="y", overrides={"picture": "image"}), folder=Path())
    assert not bad
    target = TASK.fit_target(rows.column("y"), rows.schema["y"])
    validation = Validation(rows, target, TASK.metrics[0], [(np.arange(40), np.arange(40, 60))])
    recipe = get_recipe("linear")
    options = recipe.variants(rows.schema, target, 40)[0].model_copy(update={"leave": ("image",)})
    ctx = context(TASK, target)
    fold = fit_fold("linear-2", recipe, options, validation, 0, ctx, Stopwatch())
    made = candidate_of("linear-2", recipe, options, validation, fold, 0)
    save_candidate(made, tmp_path / "linear-2", target)
    assert list(made.models[0].columns.codecs) == ["size"]
    again = load_candidate(tmp_path / "linear-2", target)
    assert tuple(again.options["leave"]) == ("image",)
    whole = refit(again, rows, ctx, Deadline.after(60))
    assert list(whole.models[0].columns.codecs) == ["size"]
    assert whole.models[0].scores(rows.take(np.arange(5))).shape == (5, 3)
