"""Boosted oblivious trees with ordered target statistics (CatBoost): strong where categories carry the answer."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.events import Step
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range, Recipe, Turn
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.catboost_json import checked
from modelwright.recipes.columns._attribution import Contribution
from modelwright.recipes.shared.boosting import FASTER, LEAST_ROUNDS, whole_refit
from modelwright.recipes.shared.calibration import scores_of_margins
from modelwright.recipes.shared.columns import ColumnCodecs, encoded, importing, reading, refuse_unreadable
from modelwright.recipes.shared.rows import learnt_and_watched, row_weights

_MOST_OUTPUTS = 12
_READS = ("number", "category", "boolean", "timestamp", "molecule", "sequence")
_REFIT = 1.05  # a refit has more rows and takes a few more rounds
_TOLD = 25  # rounds between two events


class CatBoostOptions(Options):
    """Options of the boosting, named as in the library."""

    learning_rate: float = Field(default=0.08, gt=0, le=1)
    depth: int = Field(default=6, ge=1, le=10)
    l2_leaf_reg: float = Field(default=3.0, ge=0)
    random_strength: float = Field(default=1.0, ge=0)
    subsample: float = Field(default=0.8, gt=0, le=1)
    rounds: int = Field(default=1500, ge=1, le=100_000)


class CatBoostModel(Model):
    """One ensemble of trees for all classes, or one per label of a label set."""

    recipe = "catboost"

    def __init__(
        self, columns: ColumnCodecs, boosters: list[Any], target: TargetCodec, extent: dict[str, Any],
        history: list[dict[str, float]],
    ) -> None:  # fmt: skip
        self.columns, self.boosters, self.target = columns, boosters, target
        self.extent, self.history = extent, history

    def scores(self, table: Table) -> np.ndarray:
        if len(table) == 0:
            return np.empty((0, self.target.outputs))
        pool = _pool(self.columns.encode(table), self.columns.categorical())
        threads = 1 if len(table) < 500 else -1
        raw = [np.asarray(b.predict(pool, "RawFormulaVal", thread_count=threads)) for b in self.boosters]
        return scores_of_margins(raw, self.target)

    def contributions(self, table: Table) -> list[list[Contribution]]:
        """Return for each row how far each column moved its answer, the strongest first.

        Tree SHAP (arXiv 1802.03888) in the booster's raw score, for the answered class.
        """
        matrix, categorical = self.columns.encode(table), self.columns.categorical()
        pool = _pool(matrix, categorical)
        found = [np.asarray(b.get_feature_importance(pool, type="ShapValues")) for b in self.boosters]
        parts = np.stack(found, axis=1) if found[0].ndim == 2 else found[0]  # [N, outputs, D + 1]
        best = self.scores(table).argmax(axis=1)
        order = _order(matrix.shape[1], categorical)
        places = list(self.columns.places())
        out = []
        for row, at in enumerate(best):
            own = np.empty(matrix.shape[1])
            own[order] = parts[row, at if parts.shape[1] > 1 else 0, :-1]
            if self.target.kind == "classes" and self.target.outputs == 2 and at == 0:
                own = -own
            shares = [
                Contribution(name, None, None, table.column(name)[row].as_py(), float(own[first:end].sum()))
                for name, _, _, first, end in places
            ]
            out.append(sorted(shares, key=lambda c: -abs(c.weight)))
        return out

    def dumped(self) -> list[dict[str, Any]]:
        """Return each booster as the library's JSON model, for the export."""
        out = []
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "model.json"
            for booster in self.boosters:
                booster.save_model(str(place), format="json", pool=_empty_pool(self.columns))
                out.append(json.loads(place.read_text(encoding="utf-8")))
        return out

    def order(self) -> list[int]:
        """Return the feature of the dense view that stands at each place of a pool."""
        return _order(self.columns.width, self.columns.categorical())

    def save(self, folder: Path) -> None:
        self.columns.save(folder)
        sums = []
        for i, booster in enumerate(self.boosters):
            place = folder / f"catboost-{i}.json"
            booster.save_model(str(place), format="json", pool=_empty_pool(self.columns))
            sums.append(hashlib.sha256(place.read_bytes()).hexdigest())
        state = {
            "sha256": sums, "widths": self.columns.widths, "extent": self.extent,
            "history": self.history,
        }  # fmt: skip
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> CatBoostModel:
        with Loading(folder, Words("trees", "树模型"), detail=True):
            state = read_state(folder)
            texts = [(folder / f"catboost-{i}.json").read_bytes() for i in range(len(state["sha256"]))]
            if [hashlib.sha256(text).hexdigest() for text in texts] != state["sha256"]:
                raise ValueError("checksum")
            columns = ColumnCodecs.load(folder, state["widths"])
            if len(texts) != (target.outputs if target.kind == "label_sets" else 1):
                raise ValueError("another number of boosters than the target needs")
            boosters = [_booster(json.loads(text), columns, target) for text in texts]
            return cls(columns, boosters, target, state["extent"], state["history"])


def _booster(data: Any, columns: ColumnCodecs, target: TargetCodec) -> Any:
    """Return the booster of a JSON model. Raises ValueError where the model is not one that the library wrote for this."""
    from catboost import CatBoost

    coded, loss = len(columns.categorical()), _loss(target)
    outputs = target.outputs if loss == "MultiClass" else 1
    # the library takes half a file without a word, and what indices say: it may only see what was checked
    model = checked(data, columns.width - coded, coded, outputs, loss)
    booster = CatBoost()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model.json"
        place.write_text(json.dumps(model), encoding="utf-8")
        booster.load_model(str(place), format="json")
    return booster


class CatBoostRecipe(Recipe):
    """Ordered boosting with early stopping on held-out rows."""

    name = "catboost"
    title = Words("boosted trees with ordered statistics (CatBoost)", "有序统计提升树（CatBoost）")
    rank = 3
    turn = Turn(alone=1, beside=2)
    family = "trees"
    paper = "Prokhorenkova et al. 2018, arXiv 1706.09516"
    also = ("cat-boost", "cb")
    needs = ("catboost",)
    extra = "catboost"
    options = CatBoostOptions
    model = CatBoostModel
    weighs = True
    space: ClassVar[dict[str, Axis]] = {
        "learning_rate": Range(0.02, 0.2, log=True),
        "depth": Range(3, 8, whole=True),
        "l2_leaf_reg": Range(1.0, 30.0, log=True),
        "random_strength": Range(0.2, 10.0, log=True),
        "subsample": Range(0.5, 1.0),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not any(c.modality in _READS for c in schema.inputs):
            return Words("made for table columns, and there is none", "用于表格列，但没有这类列")
        if target.kind != "value" and target.outputs > _MOST_OUTPUTS:
            return Words(
                f"Its trees grow slowly with many labels: {target.outputs}, at most {_MOST_OUTPUTS}.",
                f"标签过多时训练很慢：{target.outputs} 个，最多 {_MOST_OUTPUTS} 个。",
            )
        return refuse_unreadable(schema, "dense")

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        if rows < 5000:
            return [
                CatBoostOptions(learning_rate=0.03, depth=5, rounds=800, l2_leaf_reg=6),
                CatBoostOptions(learning_rate=0.03, depth=3, rounds=800),
            ]
        return [CatBoostOptions(), CatBoostOptions(learning_rate=0.05, depth=7, l2_leaf_reg=6)]

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        """Learn faster, in fewer rounds."""
        assert isinstance(options, CatBoostOptions)
        return [options.model_copy(update={"learning_rate": r}) for r in FASTER if r > options.learning_rate]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """From rows, columns and labels, in processor time of a cloud machine."""
        assert isinstance(options, CatBoostOptions)
        reading_seconds, wide = reading(train, "dense", ctx)  # what media are reduced to counts as so many numbers
        rows, per_row, per_round = len(train), 2e-7 + 5e-8 * wide, 1e-3 + 1.3e-4 * wide
        for column in train.schema.inputs:
            per_round += {"category": 3e-4, "text": 4.6e-3}.get(column.modality, 5e-5)
            per_row += {"category": 1e-7, "text": 9e-7, "molecule": 4e-6, "sequence": 2e-6}.get(column.modality, 2e-8)
        outputs = 1 if ctx.target.kind == "value" or ctx.target.outputs == 2 else ctx.target.outputs
        # the held-out loss of labels turns at about half of the rounds that are asked for, that of values later
        further = 2 if ctx.target.kind == "value" else 1
        rounds = min(options.rounds * min(0.5 * further, 0.75), 30 * further / options.learning_rate)
        each = (per_round + rows * per_row * 2) * (1 + 0.5 * (outputs - 1))
        before = 0.1 + importing("catboost", 0.9) + reading_seconds
        least = before + min(rounds, LEAST_ROUNDS) * each
        return Estimate(before + rounds * each, int(400 * rows * len(train.schema.inputs) + (256 << 20)), least)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> CatBoostModel:
        from catboost import CatBoost

        assert isinstance(options, CatBoostOptions)
        train, truth, valid, held = learnt_and_watched(train, valid, ctx)
        columns, matrix, matrix_held = encoded(train, valid, "dense", truth, ctx)
        categorical = columns.categorical()
        labels = truth.T if ctx.target.kind == "label_sets" else [truth]
        labels_held = held.T if ctx.target.kind == "label_sets" else [held]
        boosters, rounds, by_row = [], [], row_weights(train, ctx)
        history: list[dict[str, float]] = []
        for k, (own, own_held) in enumerate(zip(labels, labels_held, strict=True)):
            total = options.rounds
            if ctx.extent and ctx.extent.get("rounds"):
                total = max(1, round(ctx.extent["rounds"][k] * _REFIT))
            if own.min() == own.max():  # the library wants two values; a label that all rows have is still answered
                own = np.append(own[:-1], 1 - own[-1])
            watch = _Watch(ctx, max(40, round(4 / options.learning_rate)), total)
            booster = CatBoost(
                {
                    **options.model_dump(exclude={"rounds", *Options.model_fields}), "iterations": total, "loss_function": _loss(ctx.target),
                    # said outright, since a label may be absent from these rows
                    **({"classes_count": ctx.target.outputs} if _loss(ctx.target) == "MultiClass" else {}),
                    "bootstrap_type": "MVS", "thread_count": ctx.threads, "random_seed": ctx.seed,
                    "allow_writing_files": False, "verbose": 0,
                }
            )  # fmt: skip
            booster.fit(
                _pool(matrix, categorical, own, by_row),
                eval_set=None if matrix_held is None else _pool(matrix_held, categorical, own_held),
                use_best_model=False,
                callbacks=[watch],
            )
            rounds.append(watch.best_round or booster.tree_count_)
            whole_refit(ctx, rounds[-1], total)
            if rounds[-1] < booster.tree_count_:
                booster.shrink(rounds[-1])
            boosters.append(booster)
            history = history or watch.history
        return CatBoostModel(columns, boosters, ctx.target, {"rounds": rounds}, history)


RECIPE = CatBoostRecipe


class _Watch:
    """A callback that stops at the deadline, or when the held-out loss has not fallen for `patience` rounds."""

    def __init__(self, ctx: FitContext, patience: int, total: int) -> None:
        self.ctx, self.patience, self.total = ctx, patience, total
        self.best, self.best_round = float("inf"), 0
        self.history: list[dict[str, float]] = []

    def after_iteration(self, info: Any) -> bool:
        """Return whether to go on."""
        done = int(info.iteration)
        losses = next(iter(info.metrics.get("validation", {}).values()), None)
        if losses:
            loss = float(losses[-1])
            if loss < self.best:
                self.best, self.best_round = loss, done
            if done % _TOLD == 0 or done == 1:
                self.history.append({"step": float(done), "valid_loss": loss})
                self.ctx.events.emit(Step(self.ctx.name, done, self.total, {"valid_loss": loss}))
        else:
            self.best_round = done
        return not (self.ctx.deadline.expired() or done - self.best_round >= self.patience)


def _loss(target: TargetCodec) -> str:
    if target.kind == "value":
        return "RMSE"
    return "MultiClass" if target.kind == "classes" and target.outputs > 2 else "Logloss"


def _order(width: int, categorical: list[int]) -> list[int]:
    """Return the features in the order of a pool: numbers, then categories."""
    coded = set(categorical)
    return [k for k in range(width) if k not in coded] + list(categorical)


def _pool(
    matrix: np.ndarray, categorical: list[int], truth: np.ndarray | None = None, weight: np.ndarray | None = None
) -> Any:
    """Return the library's form of a dense view [N, D]: numbers beside category codes written as bytes."""
    from catboost import FeaturesData, Pool

    count = len(_order(matrix.shape[1], categorical)) - len(categorical)
    numbers = np.ascontiguousarray(matrix[:, _order(matrix.shape[1], categorical)[:count]], np.float32)
    codes = matrix[:, categorical]
    names = np.array([b"-", *(str(i).encode() for i in range(int(np.nanmax(codes, initial=-1)) + 1))], object)
    words = names[np.where(np.isnan(codes), 0, codes + 1).astype(np.int64)] if len(categorical) else None
    data = FeaturesData(num_feature_data=numbers if count else None, cat_feature_data=words)
    return Pool(data, truth, weight=weight)


def _empty_pool(columns: ColumnCodecs) -> Any:
    """Return a pool of one row without values: what the library wants to know of categories when it writes JSON."""
    return _pool(np.full((1, columns.width), np.nan, np.float32), columns.categorical())
