"""A small model with a reference, and a database."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.evaluate.drift.answers import fit_answers
from modelwright.evaluate.drift.reference import make_reference
from modelwright.improve.drift.store import DriftStore
from modelwright.release.bundle import Predictor
from modelwright.testing import context, sample_table


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """A linear model of the task's own sample, with a reference of it."""
    task = get_task("classification")
    table, target = sample_table(task, 400)
    recipe = get_recipe("linear")
    model = recipe.fit(
        table, table.take(np.arange(40)), recipe.variants(table.schema, target, 400)[0], context(task, target)
    )
    made = Predictor(task, table.schema, target, [(1.0, model)], name="sample", version="1")
    truth = [str(v) for v in table.column(table.schema.target.name).to_pylist()]
    answers = fit_answers(made.answers(made.scores(table)), target.labels, truth)
    made.reference = make_reference(table, table.schema, answers).to_json()
    return made


@pytest.fixture
def rows():
    """Rows of the sample as they are sent: `rows(count, seed)`."""

    def some(count: int, seed: int = 1) -> list[dict]:
        raw, target = get_task("classification").sample(count, seed)
        return pa.table(raw).drop_columns([target]).to_pylist()

    return some


@pytest.fixture
def store(tmp_path) -> DriftStore:
    """An empty database."""
    return DriftStore(f"sqlite:///{tmp_path / 'records.db'}", "sample")
