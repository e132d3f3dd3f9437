"""The estimators. A fit is a whole run in a folder of its own, of which the bundle is kept in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from modelwright.core.budget import Deadline, parse_duration
from modelwright.core.config import make_config
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import EventStream
from modelwright.core.run import RunFolder
from modelwright.release.bundle import Predictor, load

_TARGET = "target"
_LEAST = 12  # rows below which some are trained on twice: a run wants rows to train, to validate and to test


class _Modelwright(BaseEstimator):
    """What both estimators share. Parameters are the options of a run under the same names."""

    _task: str
    predictor_: Predictor

    def __init__(
        self,
        budget: str | float = "1m",
        *,
        recipes: Sequence[str] | None = None,
        metric: str | None = None,
        folds: int | None = None,
        test_fraction: float = 0.1,
        column: dict[str, str] | None = None,
        memory: str | None = None,
        latency: str | None = None,
        ensemble: bool = True,
        search: str = "tpe",
        public: bool = False,
        random_state: int | None = 0,
        out: str | None = None,
    ) -> None:
        self.budget = budget
        self.recipes = recipes
        self.metric = metric
        self.folds = folds
        self.test_fraction = test_fraction
        self.column = column
        self.memory = memory
        self.latency = latency
        self.ensemble = ensemble
        self.search = search
        self.public = public
        self.random_state = random_state
        self.out = out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = True  # how far training comes depends on the time
        return tags

    def _run(self, X: Any, said: np.ndarray) -> Self:
        """Walk the path from rows and the answers `said` to a bundle. Raises ValueError, as scikit-learn's estimators do."""
        if len(said) < 2:
            raise ValueError(f"Expected at least two rows, received n_samples = {len(said)}.")
        columns = _columns(X)
        names = list(columns)
        kinds = {n: "number" for n, values in columns.items() if _numeric(values)} | (self.column or {})
        data: dict[str, Any] = {_free(n, i): values for i, (n, values) in enumerate(columns.items())}
        renamed = dict(zip(names, data))
        repeats = -(-_LEAST // max(1, len(said))) if len(said) < _LEAST else 1
        if repeats > 1:
            data = {n: list(v) * repeats for n, v in data.items()}
            said = np.concatenate([said] * repeats)
        data[_TARGET] = said.tolist()
        options: dict[str, Any] = {
            "budget": str(self.budget) if isinstance(self.budget, str) else f"{self.budget}s",
            "recipes": list(self.recipes or []),
            "metric": self.metric,
            "folds": self.folds,
            "test_fraction": self.test_fraction,
            "memory": self.memory,
            "latency": self.latency,
            "ensemble": self.ensemble,
            "search": self.search,
            "public": self.public,
            "seed": self._seed(),
        }
        kinds = {renamed[n]: kind for n, kind in kinds.items()} | {_TARGET: _KIND[self._task]}
        with tempfile.TemporaryDirectory() as scratch:
            folder = RunFolder.choose(Path(self.out or scratch), "model")
            try:
                self._walk(data, folder, {**options, "column": kinds, "task": self._task})
                self._bundle = _files(folder.bundle)
                self.predictor_ = load(folder.bundle)
            except ModelwrightError as e:
                had = f"Received n_samples = {len(said) // repeats}, n_features = {len(names)}."
                raise ValueError(f"{e.words.en} {had}") from e
        self._names = list(data)[:-1]
        return self

    def _walk(self, data: dict[str, Any], folder: RunFolder, options: dict[str, Any]) -> None:
        import pyarrow as pa

        from modelwright.pipeline.walk import run

        config = make_config(data="memory", target=_TARGET, **options)
        deadline = Deadline.after(parse_duration(config.budget))
        # explanations and figures are for the report of a run that is kept
        look = 5.0 if self.out else 0.1
        run(config, pa.table(data), EventStream(), folder=folder, deadline=deadline, look=look)

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.default_rng().integers(2**31))
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(self.random_state.randint(2**31 - 1))

    def _rows(self, X: Any) -> Any:
        """Return checked rows as an Arrow table under the names of training."""
        import pyarrow as pa

        check_is_fitted(self)
        X = _checked(self, X, reset=False)
        return pa.table(dict(zip(self._names, _columns(X).values())))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("predictor_", None)  # the bundle's files say the same
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_bundle" in state:
            with tempfile.TemporaryDirectory() as scratch:
                for name, content in state["_bundle"].items():
                    place = Path(scratch) / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content)
                self.predictor_ = load(Path(scratch))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "predictor_")


class ModelwrightClassifier(ClassifierMixin, _Modelwright):
    """A classifier: rows [N, D] as an array or a data frame with any columns, answers [N] as labels.

    `budget` is the time of one fit; `random_state` the seed; `out` keeps the run, with its report, in that folder. The other
    parameters are the options of `modelwright run`. Missing values, text, categories and dates are read as they are. A tenth of the rows (`test_fraction`)
    is held out for the run's own test and not trained on. N rows, D columns.
    """

    _task = "classification"

    def fit(self, X: Any, y: Any) -> Self:
        """Train within `budget`. Raises ValueError for what cannot be trained on."""
        X, y = _checked(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Expected at least two classes, received 1 class: {self.classes_[0]!r}.")
        return self._run(X, np.array([f"c{code}" for code in codes]))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities [N, K] in the order of `classes_`; K classes."""
        scores = self._scores(X)
        order = [int(label[1:]) for label in self.predictor_.classes]
        out = np.zeros((len(scores), len(self.classes_)))
        out[:, order] = scores
        return out / out.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return labels [N]."""
        rows = self._rows(X)
        answers = self.predictor_.predict(rows)
        return self.classes_[[int(a["prediction"][1:]) for a in answers]]

    def _scores(self, X: Any) -> np.ndarray:
        rows = self._rows(X)
        try:
            return self.predictor_.predict_proba(rows)
        except ModelwrightError as e:
            raise ValueError(e.words.en) from e


class ModelwrightRegressor(RegressorMixin, _Modelwright):
    """A regressor: rows [N, D] as an array or a data frame with any columns, answers [N] as numbers; see `ModelwrightClassifier`."""

    _task = "regression"

    def fit(self, X: Any, y: Any) -> Self:
        """Train within `budget`. Raises ValueError for what cannot be trained on."""
        X, y = _checked(self, X, y, numeric=True)
        return self._run(X, y.astype(np.float64))

    def predict(self, X: Any) -> np.ndarray:
        """Return values [N]."""
        rows = self._rows(X)
        return np.array([a["prediction"] for a in self.predictor_.predict(rows)], np.float64)


_KIND = {"classification": "category", "regression": "number"}


def _checked(estimator: Any, X: Any, y: Any = None, *, reset: bool = True, numeric: bool = False) -> Any:
    """Check as scikit-learn does, with data frames left as they are; return X, or X and y where there is one."""
    frame = hasattr(X, "columns") and hasattr(X, "__getitem__")
    if not frame:
        checks: dict[str, Any] = {"dtype": None, "ensure_all_finite": "allow-nan"}
        if y is None and not reset:
            return validate_data(estimator, X, reset=False, **checks)
        if y is None:
            raise ValueError("This estimator requires y to be passed, but the target y is None.")
        return validate_data(estimator, X, y, y_numeric=numeric, multi_output=False, **checks)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    if not reset:
        return X
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    y = column_or_1d(check_array(y, ensure_2d=False, dtype="numeric" if numeric else None))
    if len(y) != len(X):
        raise ValueError(f"X has {len(X)} rows and y has {len(y)}.")
    return X, y


def _columns(X: Any) -> dict[str, Any]:
    """Return columns by name; those of an array are called x0, x1 ..."""
    if hasattr(X, "columns"):
        import pyarrow as pa

        table = pa.table(X)
        return {str(n): table.column(i) for i, n in enumerate(X.columns)}
    X = np.asarray(X)
    out: dict[str, Any] = {}
    for i in range(X.shape[1]):
        column = X[:, i]
        if column.dtype == object:
            out[f"x{i}"] = [
                None if v is None or v != v else v if isinstance(v, (int, float)) else str(v) for v in column
            ]
            if any(isinstance(v, str) for v in out[f"x{i}"]):
                out[f"x{i}"] = [None if v is None else str(v) for v in out[f"x{i}"]]
        else:
            out[f"x{i}"] = column
    return out


def _numeric(values: Any) -> bool:
    if isinstance(values, list):
        return all(v is None or (isinstance(v, (int, float)) and not isinstance(v, bool)) for v in values)
    if isinstance(values, np.ndarray):
        return values.dtype.kind in "iuf"
    import pyarrow as pa

    return bool(pa.types.is_integer(values.type) or pa.types.is_floating(values.type))


def _free(name: str, number: int) -> str:
    """Return a column's name that is not the target's."""
    return f"{name}_{number}" if name == _TARGET else name


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
