"""Sizes in a stored network are held to the bounds of its options before anything is built."""

import json

import numpy as np
import pytest

from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.recipes.columns.tabm import TabMOptions
from modelwright.recipes.shared.network_options import smaller_networks
from modelwright.testing import context, sample_table


@pytest.mark.parametrize("name", ["widest", "depth", "members"])
def test_sizes_beyond_all_networks_are_refused_at_once(tmp_path, name):
    task = get_task("classification")
    table, target = sample_table(task, 60)
    recipe = get_recipe("tabm")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(20)), options, context(task, target, seconds=1))
    model.save(tmp_path)
    path = tmp_path / "model.json"
    data = json.loads(path.read_text())
    data["options"][name] = 10**6
    path.write_text(json.dumps(data))
    with pytest.raises(BundleError, match="cannot be read"):
        type(model).load(tmp_path, target)


def test_smaller_networks_have_half_and_a_quarter_of_the_widths():
    first = TabMOptions(members=8, width=256, number_width=24)
    half, quarter = smaller_networks(first)
    assert (half.members, half.width, half.number_width, half.embedding) == (4, 128, 12, 48)
    assert (quarter.members, quarter.width, quarter.number_width, quarter.embedding) == (2, 64, 4, 32)
    assert (quarter.depth, quarter.epochs, quarter.lr) == (first.depth, first.epochs, first.lr)
    least = TabMOptions(members=2, width=64, number_width=4, embedding=32, filters=32, fusion_width=32)
    assert smaller_networks(least.model_copy(update={"hidden": 32})) == []
    assert smaller_networks(first.model_copy(update={"vectors": "words.vec"}))[0].embedding == first.embedding
