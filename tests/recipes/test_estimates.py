"""Estimates count what media cost: to be read, and by the width of their features."""

import time

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.features import _decoded, image
from modelwright.testing import context, sample_table


def estimated(name, rows, modality, cache=None):
    task = get_task("classification")
    table, target = sample_table(task, rows, modality=modality)
    recipe = get_recipe(name)
    ctx = context(task, target)
    if cache is not None:
        ctx.cache.update(cache)
    return recipe.estimate(table, recipe.variants(table.schema, target, rows)[0], ctx), table, ctx


@pytest.mark.parametrize("name", ["linear", "trees", "catboost"])
def test_slow_pictures_are_counted(monkeypatch, name):
    if name == "catboost":
        pytest.importorskip("catboost")
        modality, module, read = "molecule", "modelwright.features.shared.chemistry", "facts"
        pytest.importorskip("rdkit")
    else:
        modality, module, read = "image", "modelwright.features.image", "decode"
    quick = estimated(name, 100, modality)[0]
    target = __import__(module, fromlist=["x"])
    real = getattr(target, read)

    def slow(*args, **kwargs):
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        return real(*args, **kwargs)

    monkeypatch.setattr(target, read, slow)
    for user in (image, __import__("modelwright.features.molecule", fromlist=["x"])):
        if hasattr(user, read):
            monkeypatch.setattr(user, read, slow)
    monkeypatch.setattr(_decoded, "cores", lambda: 1)
    found = estimated(name, 100, modality)[0]
    assert found.seconds - quick.seconds > 1.0, "100 rows at 20 ms, one after the other"


def test_molecules_are_as_wide_as_their_features():
    pytest.importorskip("rdkit")
    one, _, ctx = estimated("trees", 200, "molecule")
    wide = next(v for k, v in ctx.cache.items() if k[0] == "reading")[1]
    assert wide > 50
    assert one.memory >= 12 * 200 * wide


def test_what_was_read_once_is_not_counted_again():
    found, table, ctx = estimated("linear", 60, "image")
    recipe = get_recipe("linear")
    target = ctx.target
    options = recipe.variants(table.schema, target, 60)[0]
    ctx.cache[next(k for k in ctx.cache if k[0] == "reading")] = (1.0, 300)
    assert recipe.estimate(table, options, ctx).seconds > 60
    recipe.fit(table, table.take(np.arange(10)), options, ctx)
    assert recipe.estimate(table, options, ctx).seconds < 30
    assert found.seconds < 30


@pytest.mark.parametrize(("probe", "most"), [(0.0, 2), (1e9, 256)])
def test_a_probe_keeps_to_its_seconds_by_trying_few_rows(monkeypatch, probe, most):
    from modelwright.models.network import ColumnNetwork

    task = get_task("classification")
    table, target = sample_table(task, 280)
    recipe, seen = get_recipe("textcnn"), []
    real = ColumnNetwork.forward

    def forward(self, tensors):
        seen.append(len(next(iter(tensors.values()))))
        return real(self, tensors)

    monkeypatch.setattr(ColumnNetwork, "forward", forward)
    options = recipe.variants(table.schema, target, 280)[0]
    small = {"embedding": 8, "filters": 8, "width": 8, "batch": 256, "bigrams": False}
    ctx = context(task, target)
    ctx.probe = probe
    found = recipe.estimate(table, options.model_copy(update=small), ctx)
    assert max(seen) == most
    assert found.seconds > 0


@pytest.mark.parametrize("name", ["textcnn", "trees", "catboost", "extratrees", "linear"])
def test_a_fit_is_worth_beginning_with_less_time_than_it_wants(name):
    if name == "catboost":
        pytest.importorskip("catboost")
    found, _, _ = estimated(name, 400, "text" if name == "textcnn" else "number")
    assert 0 < found.least_seconds <= found.seconds


def test_options_for_when_time_is_short_cost_less():
    task = get_task("classification")
    for name, modality in (("fastnet", "image"), ("trees", "number")):
        table, target = sample_table(task, 120, modality=modality)
        recipe, ctx = get_recipe(name), context(task, target)
        options = recipe.variants(table.schema, target, 50_000)[0]
        wanted = recipe.estimate(table, options, ctx).seconds
        cheaper = recipe.cheaper(options, table.schema)
        assert cheaper
        if name == "trees":  # the sample's pictures are as small as they get
            assert recipe.estimate(table, cheaper[-1], ctx).seconds < wanted
