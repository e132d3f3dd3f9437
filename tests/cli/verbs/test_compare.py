"""Two runs side by side: what differs, and the paired difference only where both held out the same rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pytest

from modelwright.api import fit
from modelwright.cli.verbs.compare import compared, print_compared, said
from modelwright.core.errors import BundleError


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: two on the same test file, one of them a poor model, and one on rows of its own."""
    place = tmp_path_factory.mktemp("compare")
    rng = np.random.default_rng(0)
    x = rng.normal(size=240)
    table = pa.table(
        {"x": x, "z": rng.normal(size=240), "y": pa.array(np.where(x + 0.3 * rng.normal(size=240) > 0, "yes", "no"))}
    )
    pcsv.write_csv(table.slice(0, 192), place / "data.csv")
    pcsv.write_csv(table.slice(192), place / "test.csv")
    options = {"target": "y", "budget": "30s", "out": place, "folds": 1}
    held = {**options, "test": str(place / "test.csv")}
    good = fit(place / "data.csv", **held, recipes=["linear"], name="good")
    poor = fit(place / "data.csv", **held, recipes=["linear"], ignore=["x"], name="poor")
    other = fit(place / "data.csv", **options, recipes=["linear"], name="other")
    return [str(r.folder) for r in (good, poor, other)]


def test_the_better_model_is_told_on_the_same_rows(runs, capsys):
    good, poor, _ = runs
    found = compared(poor, good)
    assert found["options"] == {"ignore": [["x"], []]}
    p = found["paired"]
    assert p["rows"] == 48
    assert p["difference"] == pytest.approx(p["first"] - p["second"])
    assert p["second"] == pytest.approx(found["runs"][1]["value"], abs=1e-9), "the score that the run itself told"
    assert p["high"] < 0
    assert f"{good} is better" in said(found, "en")
    print_compared(found, "zh")
    told = capsys.readouterr().out
    assert "更好：宏平均 F1" in told
    assert "--ignore" in told


def test_other_rows_are_not_paired(runs):
    found = compared(runs[0], runs[2])
    assert found["paired"] is None
    assert "different rows" in said(found, "en")
    assert "测试行不同" in said(found, "zh")


def test_equal_models_have_no_clear_difference(runs):
    assert "no clear difference" in said(compared(runs[0], runs[0]), "en")


def test_a_run_that_is_not_there_is_named(runs):
    with pytest.raises(BundleError, match="no run at `gone`"):
        compared(runs[0], "gone")
