"""Click-through: how likely it is that a user clicks what is shown, as a probability that can be reckoned with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.related import Relation
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import Plot, Section, Split, Task
from modelwright.core.words import Words
from modelwright.data.events import read_bare_events
from modelwright.evaluate.metrics.chosen import CLASSIFICATION
from modelwright.tasks._columns import INPUTS
from modelwright.tasks._events import CLICK, ITEM, RATING, TIME, USER, held, named, no_times, time_named, times_of

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_SHARE = 0.1  # of the events, the latest, that are tested on, and of the others that are validated on
_RANKED = ("log_loss", "roc_auc", "average_precision", "brier", "ece", "accuracy", "f1", "precision", "recall")
_CODE = re.compile(r"(^|[_\s])(id|no|code)$|[a-z]I[dD]$|(编号|标识|号)$")
_TENTHS = 10


class ClickThrough(Task):
    """Yes or no for a user, an item and what else is known of the moment; judged by its probabilities."""

    name = "click-through"
    title = Words("click-through", "点击率预估")
    inputs = INPUTS | {"labels"}
    targets = frozenset({"boolean", "category", "number"})
    metrics = tuple(sorted((m for m in CLASSIFICATION if m.name in _RANKED), key=lambda m: _RANKED.index(m.name)))
    by_columns = False
    keeps_near_rows = False  # events of one user are nearly the same, and need not stay together
    repeats = True
    recalls = False  # what one event says is not learnt by heart
    held_out = 20_000
    joins = True
    related = (
        Relation("items", Words("items", "物品"), lambda schema: _key(schema, "item"), ITEM, kept=True),
        Relation("users", Words("users", "用户"), lambda schema: _key(schema, "user"), USER, kept=False),
    )

    @property
    def recipes(self) -> tuple[str, ...]:
        return ("constant", *own_recipes(self.name))

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality in self.targets else 0.0  # only where it is asked for by name

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        bare = read_bare_events(source)
        return None if bare is None else (bare, Detected(names=tuple(bare.column_names)))

    def target_of(self, raw: pa.Table) -> str | None:
        return named(raw.column_names, CLICK) or named(raw.column_names, RATING)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        target = schema.target
        others = [c.name for c in schema if c is not target]
        asked = (config.user, config.item, config.time) if config is not None else (None, None, None)
        found: dict[str, str | None] = {}
        for part, name, usual in zip(("user", "item", "time"), asked, (USER, ITEM, TIME), strict=True):
            if name is not None:
                schema[name]  # raises ColumnError with the nearest names
            found[part] = name or (time_named(schema, others, usual) if part == "time" else named(others, usual))
        changes: dict[str, dict[str, Any]] = {}
        for column in schema.inputs:
            if column.modality == "number" and _CODE.search(column.name) and column.name != found["time"]:
                changes[column.name] = {"modality": "category", "options": {}}
        for part in ("user", "item"):
            name = found[part]
            if name is not None:
                changes[name] = {"modality": "category", "role": "input", "options": {"key": part}, "reason": None}
        time = found["time"]
        if time is not None:
            changes[time] = _as_time(schema[time], asked[2] is not None)
        if config is not None and config.at_least is not None and target is not None:
            if target.modality not in ("number", "category", "boolean"):
                raise OptionError(
                    f"--at-least compares ratings; `{target.name}` holds {target.modality}.",
                    f"--at-least 需要数值评分；`{target.name}` 的类型为 {target.modality}。",
                )
            changes[target.name] = {"modality": "boolean", "options": {"at_least": config.at_least}}
        return schema.with_columns(changes)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        codec = ClassesCodec.fit(values)
        if codec.outputs != 2:
            shown = ", ".join(codec.labels[:6]) + (" ..." if codec.outputs > 6 else "")
            raise DataError(
                f"Expected two different values in `{column.name}`, clicked or not; received {codec.outputs} ({shown}). "
                "For ratings say from which on an event counts: --at-least 4",
                f"`{column.name}` 应只有两种取值（点击与否），实际有 {codec.outputs} 种（{shown}）。"
                "若为评分，请说明从几分起算：--at-least 4",
            )
        return codec

    def split(self, table: Table, config: RunConfig, official: bool) -> Split | None:
        """By time where events have one: what is tested on came after all that was learnt from. By chance otherwise, and for
        validation beside official test rows, since these tell nothing of their time."""
        when = times_of(table, [c for c in table.schema.inputs if c.options.get("when")])
        way = config.hold_out
        if way == "auto":
            way = "time" if when is not None and not official and not config.group else "random"
        if way == "time" and when is None:
            raise OptionError(
                "--hold-out time needs a column of times: name it with --time.",
                "--hold-out time 需要时间列：请用 --time 指定。",
            )
        if way == "random":
            return None
        rows, users = np.arange(len(table)), np.zeros(len(table), np.int64)
        if way == "last":
            own = _key(table.schema, "user")
            if own is None:
                raise OptionError(
                    "--hold-out last takes each user's last event: name the column of users with --user.",
                    "--hold-out last 取每个用户的最后一次事件：请用 --user 指定用户列。",
                )
            users = np.asarray(table.column(own.name).dictionary_encode().indices.fill_null(-1), np.int64) + 1
        test = np.empty(0, np.int64) if official else held(rows, users, when, way, _SHARE, config.seed)
        develop = np.setdiff1d(rows, test)
        valid = held(develop, users, when, way, _SHARE, config.seed)
        if len(valid) == 0 or len(valid) == len(develop) or (len(test) == 0 and not official):
            raise DataError(
                "Too few events to hold some out for validation and test. Give more, or --hold-out random.",
                "事件太少，无法留出验证与测试数据。请提供更多事件，或使用 --hold-out random。",
            )
        return Split(develop, test, windows=((np.setdiff1d(develop, valid), valid),))

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        import modelwright.evaluate.plots.charts as plots

        return plots.classification(judged)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        """Return a table of probabilities beside what came about, by tenths of the held-out rows."""
        likely, truth = judged.scores[:, 1], judged.truth == 1
        order = np.argsort(likely, kind="stable")
        rows = [
            [f"{k + 1}", f"{len(part):,}", f"{likely[part].mean():.4f}", f"{truth[part].mean():.4f}"]
            for k, part in enumerate(np.array_split(order, min(_TENTHS, max(1, len(order) // 20))))
        ]
        label = judged.target.labels[1]
        return [
            Section(
                "calibration",
                Words("Probabilities and what came about", "预测概率与实际比例"),
                Words(
                    f"Held-out rows in the order of the probability of `{label}`, in equal parts: the mean probability, and the "
                    "share that came about. Where the two agree, the probabilities can be reckoned with.",
                    f"留出数据按 `{label}` 的预测概率排序并等分：每一份的平均概率与实际比例。两者一致时，概率可直接用于计算。",
                ),
                (
                    Words("part", "份"),
                    Words("rows", "行数"),
                    Words("probability", "平均概率"),
                    Words("came about", "实际比例"),
                ),
                rows,
            )
        ]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return events of users who each like one of two shelves; a low price and the evening help."""
        rng = np.random.default_rng(seed)
        user = rng.integers(0, max(4, rows // 8), rows)
        item = rng.integers(0, 6, rows)
        price, hour = np.round(rng.uniform(1, 9, rows), 2), rng.integers(0, 24, rows)
        likes = 3.0 * (user % 2 == item % 2) - 1.5 + 0.3 * (5 - price) + 0.5 * (hour > 17)
        click = rng.random(rows) < 1 / (1 + np.exp(-2 * likes))
        click[:2] = (True, False)
        return pa.table(
            {
                "user": [f"u{u}" for u in user],
                "item": [f"i{i}" for i in item],
                "shelf": [("shoes", "帽子")[i % 2] for i in item],
                "price": price,
                "hour": [f"{h:02d}" for h in hour],
                "click": click,
            }
        ), "click"


def _key(schema: Schema, key: str) -> Column | None:
    """Return the column that names users, or items; None where there is none."""
    return next((c for c in schema.inputs if c.options.get("key") == key), None)


def _as_time(column: Column, asked: bool) -> dict[str, Any]:
    """Return what makes a column of times an input that is also split by. Raises OptionError for one that was asked for and holds none."""
    told = {"role": "input", "reason": None, "options": {**column.options, "when": True}}
    if column.modality in ("timestamp", "number"):
        return told
    if column.modality == "id":  # running numbers, or seconds of which no two are equal
        return {**told, "modality": "number"}
    if not asked:
        return {}
    raise no_times(column)


TASK = ClickThrough
