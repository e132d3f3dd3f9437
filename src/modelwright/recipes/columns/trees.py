"""Gradient boosted trees (LightGBM): numbers and categories as they are, text through reduced n-grams."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.libraries import lightgbm, loading_seconds
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range, Recipe, Turn
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.lightgbm_text import Forest, read_forest
from modelwright.recipes.columns._attribution import Contribution
from modelwright.recipes.columns._dense_group import DenseGroup
from modelwright.recipes.columns._tree_features import (
    crossed,
    load_crosses,
    pairs_width,
    save_crosses,
    smooth_columns,
    widened,
    with_means,
)  # fmt: skip
from modelwright.recipes.shared.affordable import FEWEST, trees_of, width_of
from modelwright.recipes.shared.boosting import FASTER, LEAST_ROUNDS, boost
from modelwright.recipes.shared.calibration import scores_of_margins
from modelwright.recipes.shared.columns import ColumnCodecs, encoded, reading, refuse_unreadable
from modelwright.recipes.shared.crosses import MOST, Crosses
from modelwright.recipes.shared.rows import as_taught, learnt_and_watched, row_weights, rows_in_memory
from modelwright.recipes.shared.tree_rows import agreed, beyond, bytes_of_row, held_rows, read_by_all

_MOST_LABELS = 120
_GENTLE = 0.1  # the learning rate of trees that see a surface, at most
_FEWER_ROUNDS = 0.6  # share of the usual rounds that there should be time for beside a surface


class TreesOptions(Options):
    """Options of the boosting; `crosses` adds features of pairs of numbers.

    Under `falls` the learning rate falls to .05 as the time of the fit passes, for fits whose rounds are fewer than they should be.
    `value_means` adds the target's mean by exact value of the numbers for which watched rows show that it tells more; `surface` adds, on very many
    rows, a least-squares surface of second order over the numbers where these rows show that trees are ahead with it.
    """

    learning_rate: float = Field(default=0.05, gt=0, le=1)
    num_leaves: int = Field(default=16, ge=2, le=4096)
    min_child_samples: int = Field(default=20, ge=1)
    feature_fraction: float = Field(default=0.7, gt=0, le=1)
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    lambda_l2: float = Field(default=1.0, ge=0)
    path_smooth: float = Field(default=0.0, ge=0)
    cat_smooth: float = Field(default=10.0, ge=0)
    max_bin: int = Field(default=255, ge=15, le=1023)
    extra_trees: bool = False
    falls: bool = False
    crosses: bool = False
    value_means: bool = True
    surface: bool = True
    rounds: int = Field(default=4000, ge=1, le=100_000)


class TreesModel(Model):
    """One booster, or one per label of a label set."""

    recipe = "trees"

    def __init__(
        self, columns: ColumnCodecs, crosses: Crosses | None, boosters: list[Any], target: TargetCodec,
        extent: dict[str, Any], history: list[dict[str, float]],
    ) -> None:  # fmt: skip
        self.columns, self.crosses, self.boosters, self.target = columns, crosses, boosters, target
        self.extent, self.history = extent, history

    @classmethod
    def together(cls, models: Sequence[Model]) -> Callable[[Table], np.ndarray | None] | None:
        made: list[Any] = list(models)
        if cls.scores is not TreesModel.scores:
            return None
        group = cache(lambda: DenseGroup([m.columns for m in made]))

        def answer(table: Table) -> np.ndarray | None:
            if len(table) != 1:
                return None
            row = group().encode(table)
            parts = [row[None, a:b] for a, b in pairwise(group().ends)]
            return np.stack([m.answer(crossed(p, m.crosses)) for m, p in zip(made, parts, strict=True)])

        return answer

    def scores(self, table: Table) -> np.ndarray:
        return self.answer(self._features(table))

    def answer(self, matrix: np.ndarray) -> np.ndarray:
        """Return the scores [N, K] of features [N, D], crosses included."""
        threads = 1 if len(matrix) < 500 else 0
        raw = [np.asarray(b.predict(matrix, raw_score=True, num_threads=threads)) for b in self.boosters]
        return scores_of_margins(raw, self.target)

    def _features(self, table: Table) -> np.ndarray:
        return crossed(self.columns.encode(table), self.crosses)

    def contributions(self, table: Table) -> list[list[Contribution]]:
        """Return for each row how far each column moved its answer, the strongest first.

        Tree SHAP (arXiv 1802.03888) in the booster's raw score, for the answered class; what pairs of numbers
        contribute is shared by the two columns.
        """
        matrix = self._features(table)
        names, shares = self._owners(matrix.shape[1])
        best = self.scores(table).argmax(axis=1)
        out = []
        for row in range(len(table)):
            at = int(best[row])
            booster = self.boosters[at if self.target.kind == "label_sets" else 0]
            parts = np.asarray(booster.predict(matrix[row : row + 1], pred_contrib=True, num_threads=1))
            parts = parts.reshape(-1, matrix.shape[1] + 1)
            own = parts[at if len(parts) > 1 else 0, :-1]
            if self.target.kind == "classes" and self.target.outputs == 2 and at == 0:
                own = -own
            found = [
                Contribution(n, None, None, table.column(n)[row].as_py(), float(w))
                for n, w in zip(names, own @ shares, strict=True)
            ]
            out.append(sorted(found, key=lambda c: -abs(c.weight)))
        return out

    def _owners(self, width: int) -> tuple[list[str], np.ndarray]:
        """Return column names and the share [D, columns] that each column has in each feature."""
        places = list(self.columns.places())
        shares = np.zeros((width, len(places)))
        owner = {}
        for k, (_, _, _, first, end) in enumerate(places):
            shares[first:end, k] = 1.0
            owner.update(dict.fromkeys(range(first, end), k))
        if self.crosses is not None:
            for feature, made_of in enumerate(self.crosses.owners(), start=self.columns.width):
                for number, share in made_of.items():
                    shares[feature, owner[number]] += share
        return [name for name, *_ in places], shares

    def save(self, folder: Path) -> None:
        self.columns.save(folder)
        texts = [booster.model_to_string() for booster in self.boosters]
        for i, text in enumerate(texts):
            (folder / f"trees-{i}.txt").write_bytes(text.encode())
        state = {
            "sha256": [hashlib.sha256(text.encode()).hexdigest() for text in texts], "widths": self.columns.widths, "extent": self.extent,
            "history": self.history, "crosses": save_crosses(folder, self.crosses),
        }  # fmt: skip
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> TreesModel:
        lgb = lightgbm()

        with Loading(folder, Words("trees", "树模型"), detail=True):
            state = read_state(folder)
            texts = [(folder / f"trees-{i}.txt").read_bytes() for i in range(len(state["sha256"]))]
            if [hashlib.sha256(text).hexdigest() for text in texts] != state["sha256"]:
                raise ValueError("checksum")
            columns = ColumnCodecs.load(folder, state["widths"])
            crosses, width = load_crosses(folder, state["crosses"], columns.width)
            forests = [read_forest(text.decode("ascii"), width) for text in texts]
            _check_outputs(forests, target)
            # the library ends the whole process over a damaged text: it may only see what was checked
            boosters = [lgb.Booster(model_str=forest.text) for forest in forests]
            return cls(columns, crosses, boosters, target, state["extent"], state["history"])


def _check_outputs(forests: list[Forest], target: TargetCodec) -> None:
    """Refuse forests that answer another question than the target's. Raises ValueError."""
    several = target.kind == "classes" and target.outputs > 2
    count, rounds = (target.outputs if target.kind == "label_sets" else 1), (target.outputs if several else 1)
    kind = "regression" if target.kind == "value" else "multiclass" if several else "binary"
    if len(forests) != count or any(f.per_round != rounds or f.objective.split(" ")[0] != kind for f in forests):
        raise ValueError("the trees answer another question")


class Trees(Recipe):
    """Boosted trees with early stopping on held-out rows."""

    name = "trees"
    title = Words("boosted trees", "提升树")
    rank = 2
    turn = Turn(alone=0, beside=1)
    family = "trees"
    paper = "Ke et al. 2017, LightGBM (NeurIPS 30)"
    also = (
        "lightgbm",
        "lgbm",
        "lgb",
        "xgboost",
        "xgb",
        "gbm",
        "gbdt",
        "gradient-boosting",
        "boosting",
        "hist-gradient-boosting",
    )
    options = TreesOptions
    model = TreesModel
    weighs = True
    reads_on = True
    learns_scores = frozenset({"softmax", "identity"})
    space: ClassVar[dict[str, Axis]] = {
        "learning_rate": Range(0.01, 0.2, log=True),
        "num_leaves": Range(4, 128, log=True, whole=True),
        "min_child_samples": Range(2, 60, log=True, whole=True),
        "feature_fraction": Range(0.3, 1.0),
        "bagging_fraction": Range(0.5, 1.0),
        "lambda_l2": Range(0.1, 20.0, log=True),
        "path_smooth": Range(0.0, 20.0),
        "cat_smooth": Range(1.0, 100.0, log=True),
        "max_bin": Choice((63, 255, 511)),
        "extra_trees": Choice((False, True)),
        "crosses": Choice((False, True)),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if target.kind != "value" and target.outputs > _MOST_LABELS:
            return Words(
                f"It grows one tree per label and round: {target.outputs} labels are too many (at most {_MOST_LABELS}).",
                f"每一轮要为每个标签生成一棵树：{target.outputs} 个标签过多（最多 {_MOST_LABELS} 个）。",
            )
        return refuse_unreadable(schema, "dense")

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        if target.outputs > 12:  # a round is a tree per label: fewer, faster learning rounds
            return [TreesOptions(learning_rate=0.1, num_leaves=12, feature_fraction=0.5, max_bin=63, rounds=400)]
        numbers = sum(c.modality == "number" for c in schema.inputs)
        medium = TreesOptions()
        small = TreesOptions(num_leaves=6, feature_fraction=0.4, lambda_l2=3, cat_smooth=30)
        large = TreesOptions(num_leaves=64, feature_fraction=0.6, min_child_samples=10, crosses=numbers >= 2)
        extra = TreesOptions(num_leaves=48, extra_trees=True, bagging_fraction=1.0)
        if target.kind == "value":
            return [large, medium, small, extra]
        # of many measurements it is often two together that tell (on WISDM pairs gave two to three points on held-out rows)
        paired = [TreesOptions(feature_fraction=0.3, crosses=True)] if numbers > MOST else []
        return [medium, *paired, small, large, extra]

    def fits_together(self, target: TargetCodec) -> bool:
        return target.kind in ("classes", "value")

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        """Learn faster, in fewer rounds, and with care towards their end."""
        assert isinstance(options, TreesOptions)
        return [
            options.model_copy(update={"learning_rate": r, "falls": True}) for r in FASTER if r > options.learning_rate
        ]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """From rows, features and labels, in processor time of a cloud machine."""
        assert isinstance(options, TreesOptions)
        reading_seconds, wide = reading(train, "dense", ctx)
        rows, width, seconds = len(train), int(wide), 0.05 + loading_seconds() + reading_seconds
        seconds += 2e-4 * len(train.schema.inputs)
        width += width_of(train.schema)
        if options.crosses:
            width += pairs_width(sum(c.modality == "number" for c in train.schema.inputs))
        trees = trees_of(ctx)
        rounds = min(options.rounds, 20 / options.learning_rate)
        if ctx.target.kind != "value":  # on few rows the held-out loss of labels turns early
            rounds *= min(1.0, max(0.3, (rows / 30_000) ** 0.4))
        if not any(c.modality == "text" for c in train.schema.inputs):
            # with more classes each round learns more, and the best is reached sooner; what texts are reduced to tells less a round
            rounds /= min(3.0, trees**0.5)
        deep = np.log2(options.num_leaves)
        per_tree = 3.4e-9 * rows * width * options.feature_fraction * deep
        per_tree += 9e-7 * options.num_leaves * width + 1.5e-4
        # sorting values into bins comes before the first tree; where time is short a part of the rows has to do
        fewest = min(rows, FEWEST) / max(1, rows)
        least = seconds + 1e-7 * rows * width + min(rounds, LEAST_ROUNDS) * trees * per_tree * fewest
        seconds += 1e-7 * rows * width + rounds * trees * per_tree
        held = min(rows, rows_in_memory(bytes_of_row(width, ctx)))
        return Estimate(
            seconds,
            int(bytes_of_row(width, ctx) * held + rounds * trees * options.num_leaves * 200 + (48 << 20)),
            least,
        )

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> TreesModel:
        assert isinstance(options, TreesOptions)
        train, truth, valid, held = learnt_and_watched(train, valid, ctx)
        smooth = agreed(ctx, "smooth", lambda: smooth_columns(train, truth, valid, held, options, ctx))
        if smooth:  # it says at once what rounds come to slowly: rows are worth more then, and so is care
            options = options.model_copy(update={"learning_rate": min(options.learning_rate, _GENTLE)})
        rounds = _FEWER_ROUNDS if smooth else 1.0
        train, truth, most = held_rows(train, truth, options.model_dump(), ctx, rounds)
        columns, matrix, matrix_held = encoded(train, valid, "dense", truth, ctx)
        categorical = columns.categorical()
        named = with_means(columns, matrix, truth, matrix_held, held, ctx) if options.value_means else []
        crosses, paired, matrix, matrix_held = widened(
            columns, matrix, truth, matrix_held, options.crosses, named, smooth, ctx
        )  # fmt: skip
        again = beyond(columns, crosses, len(matrix), most, ctx) if ctx.taught is None else None
        read = read_by_all(len(matrix), again, ctx)
        matrix, truth, weight = as_taught(train, truth, matrix, row_weights(train, ctx), ctx)
        boosted = boost(matrix, truth, matrix_held, held, categorical, weight, options.model_dump(), ctx, again)
        extent = {
            "rounds": boosted.rounds,
            "means": named,
            "surface": smooth,
            "learnt": len(train) + read,
            **({"further": read} if read else {}),
            "paired": paired,
            **({"rates": boosted.rates} if boosted.rates else {}),
        }
        return TreesModel(columns, crosses, boosted.boosters, ctx.target, extent, boosted.history)


RECIPE = Trees
