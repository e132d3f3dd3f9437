"""Modelwright as estimators of scikit-learn: `ModelwrightClassifier` and `ModelwrightRegressor`.

    from modelwright.sklearn import ModelwrightClassifier

    model = ModelwrightClassifier(budget="1m").fit(X, y)
    model.predict_proba(X)

Made for scikit-learn's own cross-validation and pipelines; `modelwright.fit` leaves a run with its report besides.
"""

from modelwright.sklearn.estimators import ModelwrightClassifier, ModelwrightRegressor

__all__ = ["ModelwrightClassifier", "ModelwrightRegressor"]
