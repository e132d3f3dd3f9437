"""A folder of recipes names the tasks that its recipes are for, so that a run imports only those that it may need."""

import subprocess
import sys

import pytest

from modelwright.core.recipe import RECIPES, get_recipe, may_be_for, own_recipes, recipe_names
from modelwright.core.registry import modules_in


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_for_tasks_that_its_folder_names(name):
    for task in get_recipe(name).tasks or [None]:
        assert name in may_be_for(task), f"TASKS of the folder of {modules_in(RECIPES)[name]} lacks {task}"


def test_what_a_folder_names_is_what_a_task_is_offered():
    assert set(own_recipes("retrieval")) <= set(may_be_for("retrieval"))
    assert "auto-arima" not in may_be_for(None)
    assert {"linear", "trees", "constant", "minirocket"} <= set(may_be_for(None))


def test_the_list_of_a_task_imports_no_recipes_of_others():
    code = (
        "import sys; from modelwright.core.task import get_task; assert get_task('classification').recipes; "
        "print([m for m in sys.modules if m.startswith('modelwright.recipes.forecast.') or m == 'statsforecast'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
