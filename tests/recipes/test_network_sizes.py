"""Sizes in a stored network are held to the bounds of its options before anything is built."""

import json

import numpy as np
import pytest

from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
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
