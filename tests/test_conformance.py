"""The conformance kit over everything that is discovered: tasks, recipes on every task, codecs in every view."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.recipe import get_recipe, recipe_names
from modelwright.core.registry import names_in
from modelwright.core.schema import Column, arrow_type
from modelwright.core.task import get_task, task_names
from modelwright.data.kinds.base import kind_of
from modelwright.features.base import FEATURES, codec_class
from modelwright.testing import check_codec, check_recipe, check_task

VALUES = {
    "number": pa.array([1.5, None, -3.0, 1e9, 0.0, 7.25] * 8),
    "category": pa.array(["red", "绿色", None, "red", "blue", "rare"] * 8),
    "boolean": pa.array([True, None, False, True, False, True] * 8),
    "text": pa.array(["where is my parcel", "快递在哪里", None, "", "Refund 请退款 now!", "ok"] * 8),
    "timestamp": pa.array(
        [dt.datetime(2024, m, 3, 10, 30) if m != 2 else None for m in range(1, 7)] * 8, pa.timestamp("us")
    ),
}


STATES = [i % 3 for i in range(47)]


def values_of(modality):
    kind = kind_of(modality)
    if kind is None:
        return VALUES[modality]
    cells = [
        kind.read(c, Column("x", modality), None if isinstance(c, bytes) else Path()) for c in kind.sample(STATES, 0)
    ]
    return pa.array([*cells, None], arrow_type(modality))


@pytest.mark.parametrize("task", task_names())
def test_task(task):
    check_task(get_task(task))


def leads(recipe):
    return getattr(get_recipe(recipe), "leads", "")


def pairs():
    """Yield every recipe on every task that lists it; slow are networks of media on tasks other than classification, and networks of
    text on those that differ from classification in their answers alone."""
    for task in task_names():
        for recipe in get_task(task).recipes:
            dear = leads(recipe) not in ("", "text") and task != "classification"
            dear = dear or (leads(recipe) == "text" and task in ("multi-label-classification", "ordinal"))
            dear = dear or (recipe == "seq2seq" and task != "translation")
            yield pytest.param(recipe, task, marks=[pytest.mark.slow] if dear else [])


@pytest.mark.parametrize(("recipe", "task"), list(pairs()))
def test_recipe(recipe, task):
    check_recipe(get_recipe(recipe), get_task(task))


def test_every_recipe_belongs_to_a_task():
    listed = {name for task in task_names() for name in get_task(task).recipes}
    assert set(recipe_names()) - listed == set()


@pytest.mark.parametrize("view", ["sparse", "dense", "tensor"])
@pytest.mark.parametrize("modality", names_in(FEATURES))
def test_codec(modality, view):
    assert modality in VALUES or kind_of(modality), "give the kit some values of this modality"
    if codec_class(modality, view) is not None:
        check_codec(modality, view, values_of(modality), np.arange(48) % 2)
