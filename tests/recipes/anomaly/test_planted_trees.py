"""Trees that learnt planted anomalies: what is planted, what they find of each kind, and how often they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from tests.recipes.anomaly.test_outliers import watched

from modelwright.core.answers.anomaly import P_VALUE, SCORE, AnomalyCodec
from modelwright.core.errors import BundleError, ModelwrightError
from modelwright.core.recipe import get_recipe
from modelwright.core.saved import read_arrays, write_arrays
from modelwright.core.task import get_task
from modelwright.recipes.anomaly._planting import planted
from modelwright.testing import context

TARGET = AnomalyCodec(["x", "y"], 0.01)


@pytest.fixture(scope="module")
def model():
    recipe = get_recipe("planted-trees")
    table = watched(2000, 0)
    return recipe.fit(table, None, recipe.options(planted=3000), context(get_task("anomaly-detection"), TARGET))


def changed(at, last, how):
    """Return whether an alarm is raised at each of the moments of a series in which `how` changed `x` from `at` to `last`."""

    def alarms(model, seed=9):
        import pyarrow as pa
        from tests.recipes.anomaly.test_outliers import LAYOUT

        from modelwright.core.schema import Table
        from modelwright.data.series import gathered

        rng = np.random.default_rng(seed)
        plain = watched(700, seed)
        windows = np.stack([np.array(c) for c in plain.column("series").to_pylist()])
        x, y = windows[:, 0, -1].astype(float), windows[:, 1, -1].astype(float)
        x[at:last] = how(x, rng)
        raw = gathered(pa.table({"at": np.arange(700), "x": x, "y": y, "state": ["(unlabelled)"] * 700}), LAYOUT)
        table = Table.of(raw.cast(raw.schema.set(0, pa.field("at", pa.float64()))), plain.schema)
        return model.scores(table)[:, P_VALUE] <= 0.01

    return alarms


@pytest.mark.parametrize(
    ("how", "least"),
    [
        (lambda x, rng: x[500:524] + 9.0, 0.6),
        (lambda x, rng: np.full(24, x[499]), 0.6),
        (lambda x, rng: x[500:524] + rng.normal(0, 6, 24), 0.6),
        (lambda x, rng: x[512:536], 0.5),  # night in the place of day
    ],
)
def test_what_lasts_a_day_is_found_for_most_of_it(how, least, model):
    alarm = changed(500, 524, how)(model)
    assert alarm[500:524].mean() >= least
    assert alarm[200:500].mean() <= 0.04
    assert alarm[580:].mean() <= 0.04, "it is over, and no forecast rests on it any more"


def test_usual_moments_raise_as_many_alarms_as_declared(model):
    found = np.concatenate([model.scores(watched(900, seed))[220:, P_VALUE] for seed in (21, 22, 23)])
    assert (found <= 0.01).mean() <= 0.02
    assert (found <= 0.10).mean() == pytest.approx(0.10, abs=0.05)


def test_anomalies_are_planted_until_the_end_or_before_it():
    rng = np.random.default_rng(0)
    windows = np.cumsum(rng.normal(size=(200, 100)), axis=1)
    odd = planted(windows, np.full(200, 5.0), np.random.default_rng(1)) != windows
    assert odd[:, -1].mean() > 0.97, "a stretch from elsewhere may end where it would have ended"
    assert not odd[:, :65].any()
    behind = planted(windows, np.full(200, 5.0), np.random.default_rng(1), after=True) != windows
    assert not behind[:, -1].any()
    assert behind.any(axis=1).mean() > 0.97


def test_what_lies_far_beyond_all_that_was_seen_stands_out_most(model):
    table = watched(300, 4)
    cells = np.stack([np.array(c, np.float32) for c in table.column("series").to_pylist()])[250:251]
    found = []
    for size in (6.0, 12.0, 100.0, 1000.0):
        odd = np.array(cells)
        odd[:, 0, -1] += size
        found.append(float(model.measured(odd)[0]))
    assert model.reach > 0
    assert found == sorted(found), "trees alone answer all beyond their last split alike"
    assert found[3] > found[2] + 1


def test_too_few_moments_are_told():
    recipe = get_recipe("planted-trees")
    table = watched(150, 0)
    assert "too few" in str(recipe.refuses(table.schema, TARGET, len(table)))
    with pytest.raises(ModelwrightError, match="200"):
        recipe.fit(table, None, recipe.options(), context(get_task("anomaly-detection"), TARGET))


def test_damaged_trees_are_refused(model, tmp_path):
    model.save(tmp_path)
    file = tmp_path / "model.safetensors"
    arrays = read_arrays(file)
    text = arrays["own.trees"].tobytes().replace(b"split_feature=", b"split_feature=99999 ", 1)
    write_arrays(file, {**arrays, "own.trees": np.frombuffer(text, np.uint8)})
    with pytest.raises(BundleError):
        type(model).load(tmp_path, TARGET)


def test_moments_with_gaps_are_bridged(model):
    table = watched(400, 3)
    cells = np.stack([np.array(c, np.float32) for c in table.column("series").to_pylist()])
    whole = model.measured(cells[300:340])
    cells[:, 0, 150:152] = np.nan
    gapped = model.measured(cells[300:340])
    assert np.isfinite(gapped).all()
    assert (gapped > 0).all(), "two gaps do not silence it"
    cells[:, :, -80:-40] = np.nan
    assert (model.measured(cells[300:340]) == 0).all(), "too much is missing"
    assert whole.shape == gapped.shape
    assert model.scores(table)[:40, SCORE].max() == 0
