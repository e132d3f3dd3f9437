"""`modelwright drift`: exit codes, files against a reference, and references made from files."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import typer

from modelwright.cli import app as cli
from modelwright.core.errors import InputError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.evaluate.drift.answers import fit_answers
from modelwright.evaluate.drift.reference import make_reference
from modelwright.release.bundle import Predictor, load, save
from modelwright.testing import context, sample_table


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 300)
    recipe = get_recipe("linear")
    model = recipe.fit(
        table, table.take(np.arange(40)), recipe.variants(table.schema, target, 300)[0], context(task, target)
    )
    made = Predictor(task, table.schema, target, [(1.0, model)], name="sample")
    made.reference = make_reference(table, table.schema, fit_answers(made.answers(made.scores(table)))).to_json()
    return made


@pytest.fixture
def here(tmp_path, monkeypatch, predictor):
    """A folder with a bundle, one without a reference, rows like those of training, and rows that are not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    save(predictor, tmp_path / "with")
    held, predictor.reference = predictor.reference, None
    save(predictor, tmp_path / "without")
    predictor.reference = held
    raw, _ = get_task("classification").sample(200, 5)
    pa.csv.write_csv(raw, tmp_path / "same.csv")
    rows = [{**r, "amount": 1000 * (r["amount"] or 1)} for r in raw.to_pylist()]
    pa.csv.write_csv(pa.Table.from_pylist(rows), tmp_path / "other.csv")
    return tmp_path


def call(*words: str) -> int:
    """Return the exit code."""
    try:
        return int(cli.app(["drift", *words], standalone_mode=False) or 0)
    except typer.Exit as e:
        return e.exit_code


def test_the_exit_code_tells(here, capsys):
    assert call("with", "same.csv") == 0
    assert "as in training" in capsys.readouterr().out
    assert call("with", "other.csv", "--json") == 5
    told = json.loads(capsys.readouterr().out)
    amount = next(c for c in told["columns"] if c["column"] == "amount")
    assert amount["state"] == "drifted"
    assert "1,000" in amount["note"]["en"]
    assert "单位" in amount["advice"]["zh"]


def test_a_bundle_without_reference_gets_one(here, capsys):
    with pytest.raises(InputError, match="--make-reference"):
        call("without", "same.csv")
    with pytest.raises(InputError, match="--make-reference"):
        call("without")
    assert call("without", "same.csv", "--make-reference") == 0
    assert call("without", "other.csv") == 5
    assert load(here / "without").reference is None  # nothing is ever written into a bundle
    assert call("without") == 0
    assert "0 rows looked at" in capsys.readouterr().out


def test_bad_input_is_one_sentence(here):
    with pytest.raises(InputError):
        call("with", "--make-reference")
    (here / "strange.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="none of the columns"):
        call("with", "strange.csv")
    with pytest.raises(InputError):
        call("with", "absent.csv")
