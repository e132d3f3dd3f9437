"""From Python: probabilities in the order of the labels, progress where it is asked for, figures that trackers take."""

import json

import numpy as np
import pytest

import modelwright as mw
from modelwright.data import samples

QUICK = {"budget": "60s", "recipes": ["linear"], "search": "none", "folds": 1}


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    samples.write("iris", folder / "iris.csv")
    return mw.fit(folder / "iris.csv", target="species", out=folder / "runs", **QUICK)


FLOWERS = [{"petal_length_cm": 1.4, "petal_width_cm": 0.2, "sepal_length_cm": 5.1, "sepal_width_cm": 3.5}] * 3


def test_probabilities_in_the_order_of_the_labels(iris):
    p = iris.predict_proba(FLOWERS)
    assert p.shape == (3, 3)
    assert np.allclose(p.sum(axis=1), 1)
    assert iris.predictor.classes[p[0].argmax()] == iris.predict(FLOWERS[0])[0]["prediction"]
    with pytest.raises(mw.ModelwrightError, match="petal_width_cm"):
        iris.predict_proba([{**FLOWERS[0], "petal_width_cm": "wide"}])


def test_figures_by_name_and_nothing_else(iris):
    flat = json.loads((iris.folder / "metrics.json").read_text())
    assert all(isinstance(v, float) for v in flat.values())
    assert flat["test_macro_f1"] == pytest.approx(iris.metrics["macro_f1"])
    assert {"validation_macro_f1", "rows_test", "answer_ms", "seconds"} <= set(flat)


def test_what_notebooks_show(iris):
    assert "report.html" in iris._repr_html_()
    assert "petal_length_cm" in iris.predictor._repr_html_()
    assert iris.leaderboard.frame()["recipe"].tolist()[0] == "linear"


def test_values_have_no_probabilities_and_progress_is_shown_where_asked(tmp_path, capsys):
    rows = [{"x": float(i % 17), "y": 3.0 * (i % 17) + i % 2} for i in range(80)]
    run = mw.fit(rows, target="y", task="regression", out=tmp_path, progress=True, **QUICK)
    assert "linear" in capsys.readouterr().err
    with pytest.raises(mw.ModelwrightError, match="probabilities"):
        run.predict_proba(rows)
    mw.fit(rows, target="y", task="regression", out=tmp_path, progress=False, **QUICK)
    assert capsys.readouterr().err == ""
