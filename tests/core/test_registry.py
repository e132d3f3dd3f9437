"""Finding by name imports what was named and nothing else."""

import subprocess
import sys

import pytest

from modelwright.core.task import task_names

_TOLD = "import sys; print(sorted(m for m in sys.modules if m.startswith('modelwright.recipes.')))"


def imported(code):
    done = subprocess.run([sys.executable, "-c", f"{code}; {_TOLD}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_task_imports_no_recipe():
    code = "from modelwright.core.task import get_task, task_names; [get_task(n) for n in task_names()]"
    assert imported(code) == "[]"


def test_a_kind_and_a_codec_import_no_recipe():
    code = (
        "from modelwright.data.kinds.base import kind_of; from modelwright.features.base import codec_class; "
        "[kind_of(m) for m in ('image', 'series')]; [codec_class('number', v) for v in ('sparse', 'dense')]"
    )
    assert imported(code) == "[]"


def test_a_recipe_imports_no_other_recipe():
    found = imported(
        "from modelwright.core.recipe import get_recipe, guesses; get_recipe('linear'); guesses('constant')"
    )
    named = [m.split(".") for m in found.strip("[]").replace("'", "").split(", ")]
    recipes = {m[3] for m in named if len(m) > 3 and m[2] != "shared" and not m[3].startswith("_")}
    assert recipes == {"linear", "constant"}


@pytest.mark.parametrize("name", task_names())
def test_a_task_still_lists_its_recipes_when_asked(name):
    from modelwright.core.recipe import get_recipe, guesses
    from modelwright.core.task import get_task

    recipes = get_task(name).recipes
    assert guesses(recipes[0])
    ranks = [get_recipe(n).rank for n in recipes]
    assert name == "ordinal" or ranks == sorted(ranks)
