"""A user is taken out of the bundles that hold their events, and out of the candidates beside them; the others stay."""

import json

import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor, load, save
from modelwright.release.forget import forget
from modelwright.testing import context, sample_table


@pytest.mark.parametrize("name", ["ease", "graph-filter"])
def test_a_user_is_taken_out_of_a_bundle(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_HOME", str(tmp_path / "home"))
    task = get_task("recommendation")
    table, target = sample_table(task, 160)
    recipe = get_recipe(name)
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, None, options, context(task, target))
    bundle = tmp_path / "runs" / "shop" / "bundle"
    save(Predictor(task, task.served(table.schema), target, [(1.0, model)], name="shop"), bundle, {"card.md": "a card"})
    before = load(bundle).members[0][1]
    other = before.had("u3").tolist()
    assert len(before.had("u2"))
    assert forget(tmp_path / "runs", "u2", erase=False).models == {str(bundle.parent): 1}
    assert len(load(bundle).members[0][1].had("u2"))
    found = forget(tmp_path / "runs", "u2", erase=True)
    assert found.runs == [bundle.parent]
    after = load(bundle).members[0][1]
    assert len(after.had("u2")) == 0
    assert after.had("u3").tolist() == other
    assert (bundle / "card.md").read_text() == "a card"
    assert "u2" not in json.loads((bundle / "members" / "0" / "model.json").read_text())["users"]
    if name == "graph-filter":
        assert after.graph.shape[0] == before.graph.shape[0] - 1
    assert forget(tmp_path / "runs", "u2", erase=True).models == {}
