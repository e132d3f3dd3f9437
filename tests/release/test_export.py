"""The ONNX export answers as the bundle does, for every recipe on every task."""

import pytest

from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe, recipe_names
from modelwright.core.task import get_task, task_names
from modelwright.release.bundle import Predictor
from modelwright.release.export import export_onnx
from modelwright.release.onnx_runtime import load_onnx
from modelwright.testing import context, sample_table


def trained(recipe_name: str, task_name: str, rows: int = 48) -> tuple[Predictor, object]:
    task = get_task(task_name)
    table, target = sample_table(task, rows)
    recipe = get_recipe(recipe_name)
    options = recipe.variants(table.schema, target, len(table))[0]
    small = {
        k: v
        for k, v in {"epochs": 2, "rounds": 20, "embedding": 32, "filters": 16, "hidden": 16}.items()
        if k in type(options).model_fields
    }
    model = recipe.fit(table, table, type(options)(**{**options.model_dump(), **small}), context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample"), table


@pytest.mark.parametrize("task", task_names())
@pytest.mark.parametrize("recipe", recipe_names())
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_export_equals_the_bundle(recipe, task, tmp_path):
    predictor, table = trained(recipe, task)
    folder = export_onnx(predictor, tmp_path / "onnx")
    exported = load_onnx(folder)
    apart = abs(exported.scores(table) - predictor.scores(table)).max()
    assert apart <= 1e-4 * max(1, abs(predictor.scores(table)).max())
    one = table.take([3])
    assert abs(exported.scores(one) - predictor.scores(one)).max() <= 1e-4 * max(1, abs(predictor.scores(table)).max())
    row = table.data.drop_columns([table.schema.target.name]).slice(0, 1).to_pylist()
    assert exported.predict(row)[0].keys() == predictor.predict(row)[0].keys()


def test_a_damaged_export_is_refused(tmp_path):
    predictor, _ = trained("linear", "classification")
    folder = export_onnx(predictor, tmp_path / "onnx")
    (folder / "member-0.onnx").write_bytes(b"no")
    with pytest.raises(BundleError):
        load_onnx(folder)
