"""Pretrained encoders that tag and compare texts, with random weights: trained, saved, loaded, the same answers."""

import numpy as np
import pytest

from modelwright.core.bases import BaseModels
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.testing import context, judged, sample_table
from pretrained_made import tiny_text


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(tiny_text(tmp_path_factory.mktemp("hub") / "tiny"))


@pytest.mark.parametrize(
    ("recipe", "task", "changes"),
    [
        ("pretrained-tagger", "token-classification", {"epochs": 2, "lora_rank": 2}),
        ("pretrained-tagger", "token-classification", {"epochs": 40, "encoder_lr": 5e-3, "lr": 5e-3, "patience": 40}),
        ("pretrained-sentence", "sentence-similarity", {"epochs": 2}),
        ("pretrained-sentence", "retrieval", {"epochs": 2, "lora_rank": 2}),
        ("pretrained-sentence", "retrieval", {"epochs": 0}),
        ("hybrid-search", "retrieval", {}),
    ],
)
def test_trains_and_keeps_its_answers(recipe, task, changes, base, tmp_path):
    task, recipe = get_task(task), get_recipe(recipe)
    recipe.bases = BaseModels({"text": (base,)})
    table, target = sample_table(task, 40)
    assert recipe.refuses(table.schema, target, len(table)) is None
    options = recipe.variants(table.schema, target, len(table))[0]
    options = options.model_copy(update={"batch": 8, **changes}) if recipe.name != "hybrid-search" else options
    ctx = context(task, target)
    assert recipe.estimate(table, options, ctx).seconds > 0
    model = recipe.fit(table, table, options, ctx)
    scores = model.judge(table)
    assert model.origins[0]["name"] == "tiny"
    model.save(tmp_path)
    assert base not in (tmp_path / "model.json").read_text(encoding="utf-8")
    again = type(model).load(tmp_path, target)
    a, b = again.judge(table), scores
    assert a.dtype == object or np.allclose(a, b, atol=1e-5)
    metric = task.metrics[0]
    assert metric(judged(table, target, a)) == pytest.approx(metric(judged(table, target, b)), abs=1e-6)
    if changes.get("epochs") == 40:
        assert metric(judged(table, target, a)) > 0.5


def test_without_an_encoder_it_says_so():
    for name in ("pretrained-tagger", "pretrained-sentence"):
        recipe = get_recipe(name)
        table, target = sample_table(get_task("token-classification" if "tagger" in name else "retrieval"), 20)
        assert "--pretrained" in recipe.refuses(table.schema, target, 20).en
