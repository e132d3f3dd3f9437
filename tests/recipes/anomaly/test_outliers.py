"""Recipes that find anomalies: what they find, what they say of it, and that false alarms come as often as declared."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.anomaly import P_VALUE, PARTS, PLANTED, SCORE, AnomalyCodec
from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.data.series import gathered
from modelwright.recipes.shared.planted import Planter
from modelwright.testing import context

TASK = get_task("anomaly-detection")
OF_ROWS = ("robust-z", "pca-reconstruction", "isolation-forest", "autoencoder")
OF_WINDOWS = ("seasonal-residuals", "forecast-residuals", "planted-trees")
COLUMNS = ("load", "heat", "mode", "note")


def machine(rows, seed, odd=0):
    """Heat follows load; the last `odd` rows are too hot for theirs, and nothing else is unusual in them."""
    rng = np.random.default_rng(seed)
    load = rng.uniform(0, 100, rows)
    heat = 20 + load / 2 + rng.normal(0, 1, rows)
    if odd:
        load[-odd:], heat[-odd:] = rng.uniform(5, 15, odd), 62.0
    data = pa.table({
        "load": load, "heat": heat, "mode": rng.choice(["auto", "manual"], rows, p=[0.9, 0.1]), "note": ["ran as planned"] * rows,
        "state": ["(unlabelled)"] * rows,
    })  # fmt: skip
    kinds = ("number", "number", "category", "text")
    columns = [Column(n, k) for n, k in zip(COLUMNS, kinds, strict=True)]
    return Table.of(data, Schema((*columns, Column("state", "category", "target"))))


def fitted(name, table, target, **options):
    recipe = get_recipe(name)
    first = recipe.variants(table.schema, target, len(table))[0].model_copy(update=options)
    return recipe.fit(table, None, first, context(TASK, target))


@pytest.mark.parametrize("name", OF_ROWS)
def test_false_alarms_come_as_often_as_declared(name):
    target = AnomalyCodec(COLUMNS, 0.05)
    quick = {"epochs": 15} if name == "autoencoder" else {"trees": 50} if name == "isolation-forest" else {}
    model = fitted(name, machine(1200, 0), target, **quick)
    scores = model.scores(machine(2000, 1))
    # 300 calibration rows: the rate itself varies with a deviation of .013
    assert (scores[:, P_VALUE] <= 0.05).mean() == pytest.approx(0.05, abs=0.035)
    assert len(model.usual) == 300


@pytest.mark.parametrize("name", ["pca-reconstruction", "autoencoder"])
def test_columns_that_do_not_go_together_are_found_and_named(name):
    target = AnomalyCodec(COLUMNS, 0.02)
    model = fitted(name, machine(1200, 0), target)
    scores = model.scores(machine(400, 2, odd=10))
    assert (scores[-10:, P_VALUE] <= 0.02).all()
    named = target.decode(scores[-10:]).beside["columns"]
    assert {p["column"] for row in named for p in row} <= {"load", "heat"}
    assert all(row for row in named)


def test_a_value_never_seen_and_one_far_outside_are_found():
    target = AnomalyCodec(COLUMNS, 0.02)
    table = machine(600, 0)
    odd = machine(3, 3)
    data = odd.data.set_column(2, "mode", pa.array(["auto", "exploded", "auto"]))
    data = data.set_column(1, "heat", pa.array([45.0, 45.0, 900.0]))
    data = data.set_column(0, "load", pa.array([50.0, 50.0, 50.0]))
    scores = fitted("robust-z", table, target).scores(Table.of(data, odd.schema))
    assert (scores[:, P_VALUE] <= 0.02).tolist() == [False, True, True]
    assert target.decode(scores).beside["columns"][2][0]["column"] == "heat"


def test_the_forest_sets_apart_what_is_seldom_in_several_ways():
    target = AnomalyCodec(COLUMNS, 0.02)
    model = fitted("isolation-forest", machine(600, 0), target)
    odd = machine(2, 3)
    data = odd.data.set_column(0, "load", pa.array([50.0, 99.9])).set_column(1, "heat", pa.array([45.0, 19.0]))
    data = data.set_column(2, "mode", pa.array(["auto", "manual"]))
    usual, far = model.scores(Table.of(data, odd.schema))
    assert far[P_VALUE] <= 0.02 < usual[P_VALUE]
    assert usual[SCORE] < 0.55 < far[SCORE], "half is usual, in the paper's terms"


def test_what_is_planted_depends_on_the_row_alone():
    table = machine(300, 0)
    planter = Planter.fit(table)
    whole = planter.plant(table).data
    assert planter.plant(table.take(np.array([7]))).data.equals(whole.slice(7, 1))
    changed = sum(whole.column(n).to_numpy() != table.data.column(n).to_numpy() for n in ("load", "heat", "mode"))
    assert (changed >= 1).mean() > 0.95
    assert whole.column("note").equals(table.data.column("note"))
    again = Planter(planter.columns).plant(table).data
    assert again.equals(whole)


LAYOUT = {"series": {"trailing": {"time": "at", "id": None, "channels": ["x", "y"], "length": 218, "season": 24}}}


def watched(rows, seed, spikes=(), shift=()):
    """Two channels with a daily shape; what is planted stands in `x`."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    noise = np.convolve(rng.normal(0, 1, rows + 2), [0.5, 0.3, 0.2], "valid")
    x = 10 * np.sin(2 * np.pi * t / 24) + noise
    for at in spikes:
        x[at] += 8
    for first, last in shift:
        x[first:last] += 8
    y = 5 * np.cos(2 * np.pi * t / 24) + rng.normal(0, 0.5, rows)
    raw = gathered(pa.table({"at": t, "x": x, "y": y, "state": ["(unlabelled)"] * rows}), LAYOUT)
    schema = Schema((
        Column("at", "number", "time"), Column("state", "category", "target"), Column("series", "series", "input", {"channels": 2, **LAYOUT["series"]}),
    ))  # fmt: skip
    return Table.of(raw.cast(raw.schema.set(0, pa.field("at", pa.float64()))), schema)


@pytest.fixture(scope="module")
def forecasting():
    return fitted("forecast-residuals", watched(1500, 0), AnomalyCodec(["x", "y"], 0.01))


@pytest.mark.parametrize("name", OF_WINDOWS)
def test_spikes_are_found_where_they_are(name, forecasting):
    model = (
        forecasting if name == "forecast-residuals" else fitted(name, watched(1500, 0), AnomalyCodec(["x", "y"], 0.01))
    )
    spikes = [200, 300, 301, 400, 500, 600]
    scores = model.scores(watched(700, 5, spikes))[100:]
    alarms = np.flatnonzero(scores[:, P_VALUE] <= 0.01) + 100
    assert set(spikes) <= set(alarms.tolist())
    assert len(set(alarms.tolist()) - set(spikes)) <= 36, "what rests on a spike is off, too"
    at = np.array(spikes) - 100
    assert (scores[at, PARTS] > scores[at, PARTS + 1]).all(), "it rests on `x`"


def test_levels_that_shift_are_found_for_a_day(forecasting):
    scores = forecasting.scores(watched(900, 6, shift=[(600, 630)]))
    alarm = scores[:, P_VALUE] <= 0.01
    assert alarm[600:624].mean() > 0.8
    assert alarm[300:600].mean() < 0.05
    assert alarm[700:].mean() < 0.05, "it finds back to the usual"


def test_moments_with_too_little_before_them_raise_no_alarm(forecasting):
    scores = forecasting.scores(watched(40, 7))
    assert (scores[:, SCORE] == 0).all()
    assert (scores[:, P_VALUE] == 1).all()


@pytest.mark.parametrize("name", [*OF_ROWS, *OF_WINDOWS])
def test_models_are_read_back_and_damage_is_told(name, tmp_path, forecasting):
    table = watched(300, 1) if name in OF_WINDOWS else machine(120, 0)
    target = AnomalyCodec(["x", "y"] if name in OF_WINDOWS else COLUMNS, 0.05)
    quick = {"epochs": 2} if name == "autoencoder" else {"trees": 5} if name == "isolation-forest" else {}
    model = forecasting if name == "forecast-residuals" else fitted(name, table, target, **quick)
    model.save(tmp_path)
    again = type(model).load(tmp_path, target)
    np.testing.assert_array_equal(again.judge(table), model.judge(table))
    assert (model.judge(table)[:, PLANTED] > model.scores(table)[:, SCORE]).mean() > 0.5
    (tmp_path / "model.json").write_text('{"own": {}, "extent": {}, "history": [], "planter": {}}')
    with pytest.raises(BundleError):
        type(model).load(tmp_path, target)


def test_p_values_do_not_hang_on_rounding():
    model = fitted("robust-z", machine(60, 0), AnomalyCodec(COLUMNS, 0.05))
    model.usual = np.array([1.0, 2.0, 3.0, 40.0])
    assert model.p_values(np.array([2.0, 2.0 * (1 - 1e-7), 2.0 * (1 + 1e-7)])).tolist() == [0.8, 0.8, 0.8]
    assert model.p_values(np.array([2.1, 41.0])).tolist() == [0.6, 0.2]
