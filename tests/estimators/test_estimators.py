"""The estimators are scikit-learn's: its own checks pass, data frames and missing values are read, copies answer equally."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from modelwright.sklearn import ModelwrightClassifier, ModelwrightRegressor

QUICK = {"budget": "20s", "recipes": ["linear"], "search": "none", "ensemble": False, "folds": 1}


def checked(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    return {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}


@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks hand over what it warns of
def test_scikit_learns_own_checks_of_a_regressor():
    assert checked(ModelwrightRegressor(**QUICK)) == {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks_of_a_classifier():
    assert checked(ModelwrightClassifier(**QUICK)) == {}


def test_a_frame_with_text_gaps_and_categories():
    rng = np.random.default_rng(0)
    kind = rng.choice(["red", "blue"], 90)
    frame = pd.DataFrame(
        {
            "note": [f"the {k} one {i % 7}" for i, k in enumerate(kind)],
            "size": rng.normal(size=90),
            "shop": rng.choice(list("abc"), 90),
        }
    )
    frame.loc[::9, "size"] = np.nan
    y = np.where(kind == "red", "yes", "no")
    model = ModelwrightClassifier(**QUICK).fit(frame, y)
    assert model.score(frame, y) > 0.9
    assert list(model.feature_names_in_) == ["note", "size", "shop"]
    assert model.classes_.tolist() == ["no", "yes"]
    p = model.predict_proba(frame)
    assert np.allclose(p.sum(axis=1), 1)
    assert (model.classes_[p.argmax(axis=1)] == model.predict(frame)).mean() > 0.95
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"note": "text"}))
    again = copy.deepcopy(model)  # through the files of the bundle
    assert np.array_equal(again.predict_proba(frame), p)


def test_cross_validation_and_what_is_refused():
    X, y = load_iris(return_X_y=True)
    assert cross_val_score(ModelwrightClassifier(**QUICK), X, y, cv=2).mean() > 0.85
    with pytest.raises(NotFittedError):
        ModelwrightClassifier().predict(X)
    with pytest.raises(ValueError, match="linear"):
        ModelwrightClassifier(**{**QUICK, "recipes": ["linaer"]}).fit(X, y)
    with pytest.raises(ValueError, match="1 class"):
        ModelwrightClassifier(**QUICK).fit(X, np.zeros(150))


def test_a_run_is_kept_where_it_is_asked_for(tmp_path):
    X, y = make_regression(80, 4, random_state=0)
    model = ModelwrightRegressor(**QUICK, out=str(tmp_path)).fit(X, y)
    assert model.score(X, y) > 0.9
    assert (tmp_path / "model" / "report.html").is_file()
