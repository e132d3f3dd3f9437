"""Every recipe either trains under a privacy budget on few rows, or says why not; and what one private fit leaks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.judged import judge
from modelwright.core.privacy_budget import Spending, shares_of
from modelwright.core.recipe import get_recipe, on_torch, recipe_names
from modelwright.core.task import get_task
from modelwright.core.words import Words
from modelwright.evaluate.membership import attack, losses
from modelwright.recipes.shared.network import NetworkRecipe
from modelwright.testing import context, sample_table

QUICK = {"tabm", "dplinear", "constant"}
NAMES = [n for n in recipe_names() if not (r := get_recipe(n)).tasks and not getattr(r, "ordered", False)]


def spending(name: str, looks: int, epsilon: float = 8.0) -> Spending:
    return Spending(epsilon, 1e-3, shares_of({"columns": 0.1, name: 0.9}), columns=max(1, looks), seed=1)


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_it_trains_privately_or_says_why_not(name):
    recipe, task = get_recipe(name), get_task("classification")
    if recipe.privacy == "no":
        assert not (isinstance(recipe, NetworkRecipe) and recipe.extra == "nn")  # all networks of our own can
        return
    for need in (*recipe.needs, *(("opacus",) if on_torch(recipe) else ())):
        pytest.importorskip(need)
    table, target = sample_table(task, 64, modality=getattr(recipe, "leads", ""))
    looks = recipe.private_looks(table.schema)
    assert not isinstance(looks, Words)
    options = recipe.private_options(table.schema, target, 64)
    if on_torch(recipe):
        options = options.model_copy(update={"epochs": 1, "batch": 16})
    s = spending(name, sum(looks.values()))
    model = recipe.fit(table, table, options, context(task, target, private=s))
    scores = model.scores(table)
    assert np.isfinite(scores).all()
    assert s.spent <= 8.0
    if name != "constant":
        assert model.extent["private"]["what"] == name
        assert s.looks[-1].what == name


def test_what_is_learnt_by_heart_is_found_and_under_a_budget_it_is_not():
    pytest.importorskip("opacus")
    rng, task, recipe = np.random.default_rng(0), get_task("classification"), get_recipe("tabm")
    data = {f"x{i}": rng.normal(size=600) for i in range(6)}
    raw = pa.table({**data, "y": rng.choice(["a", "b"], 600)})  # nothing can be learnt but the rows themselves
    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema

    whole, _ = coerce(raw, infer_schema(raw, target="y"))
    members, others = whole.take(np.arange(300)), whole.take(np.arange(300, 600))
    target = task.fit_target(whole.column("y"), whole.schema["y"])

    def found(model):
        apart = [losses(judge(target, t.column("y"), model.scores(t), t.rows)) for t in (members, others)]
        return attack(*apart)

    small = {"members": 2, "width": 64, "depth": 1, "batch": 32}
    by_heart = recipe.options(**small, epochs=60, lr=1e-2, ema=0.0, weight_decay=0.0)
    plain = found(recipe.fit(members, None, by_heart, context(task, target, extent={"epochs": 60})))
    options = recipe.private_options(whole.schema, target, 300).model_copy(update={**small, "epochs": 3})
    s = spending("tabm", 12, 1.0)
    private = found(recipe.fit(members, others, options, context(task, target, private=s)))
    assert plain.auc_low > 0.65
    assert private.auc_low < 0.5 < private.auc_high + 0.03
    assert private.auc < 0.6
