"""The constant answer: shares and means, the same for every row."""

import json
from pathlib import Path

import numpy as np
import pytest

from modelwright.core.errors import BundleError
from modelwright.core.recipe import NoOptions
from modelwright.recipes.columns.constant import Constant, ConstantModel


def test_shares_of_classes(mixed, context, tmp_path: Path) -> None:
    table = mixed("classes", labels=3)
    ctx = context(table)
    model = Constant().fit(table, None, NoOptions(), ctx)
    truth = ctx.target.encode(table.column("answer"))
    scores = model.scores(table.take(np.arange(7)))
    assert scores.shape == (7, 3)
    assert np.allclose(scores[0], np.bincount(truth) / len(truth))
    model.save(tmp_path)
    assert np.array_equal(ConstantModel.load(tmp_path, ctx.target).scores(table), model.scores(table))


def test_label_shares_and_mean(mixed, context) -> None:
    table = mixed("label_sets")
    ctx = context(table, "label_sets")
    scores = Constant().fit(table, None, NoOptions(), ctx).scores(table)
    assert np.allclose(scores[3], ctx.target.encode(table.column("answer")).mean(axis=0))
    table = mixed("value")
    scores = Constant().fit(table, None, NoOptions(), context(table, "value")).scores(table)
    assert np.allclose(scores[:, 0], np.mean(table.column("answer").to_pylist()))


@pytest.mark.parametrize("text", ["", "{}", '{"answer": "x"}', json.dumps({"answer": [0.2, 0.3, 0.5]})])
def test_damaged_bundles_are_refused(mixed, context, tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError):
        ConstantModel.load(tmp_path, context(mixed("classes")).target)
