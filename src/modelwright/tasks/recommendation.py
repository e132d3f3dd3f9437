"""Recommendation: for a user, or for who has certain items already, the items most likely to come next, best first."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, create_model

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import HISTORY, RankedCodec
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.related import Relation
from modelwright.core.request import request_model
from modelwright.core.schema import OPTIONAL, Column, Related, Schema, Table
from modelwright.core.task import GeneratedTask, Section, Split
from modelwright.core.words import Words, counted
from modelwright.data.events import read_bare_events
from modelwright.data.sources import read_table
from modelwright.evaluate.by_unit import first_id
from modelwright.evaluate.metrics import recommendation as evaluate
from modelwright.tasks._events import ITEM, RATING, TIME, USER, as_time, held, named, time_named, times_of

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_TEST_SHARE, _VALID_SHARE = 0.1, 0.1
_SOON = dt.timedelta(days=2)  # of clocks and time zones that differ
_MOST_USERS = 5000  # whose held-out events candidates are compared on


class Recommendation(GeneratedTask):
    """Events (user, item, time) in, a ranked list of items out."""

    name = "recommendation"
    title = Words("recommendation", "推荐")
    inputs = frozenset({"id", "labels"})
    targets = frozenset({"id"})
    metrics = evaluate.metrics()
    target_read_as = "id"
    checked = False
    answers_from_rows = True
    repeats = True
    recalls = False  # what a user had is not recommended again
    related = (
        Relation("items", Words("items", "物品"), lambda schema: schema.target, ITEM, kept=True),
        Relation("users", Words("users", "用户"), lambda schema: schema.who, USER, kept=False),
    )

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        # an identifier is a target only where the task was named: `typed` says so
        return 0.01 if column.modality == "id" and column.options.get("items") else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        bare = read_bare_events(source)
        if bare is not None:
            return bare, Detected(names=tuple(bare.column_names))
        raw, detected = read_table(source, reading, events)
        plain = [re.sub(r":(token|float|token_seq|float_seq)$", "", n) for n in raw.column_names]
        if len(set(plain)) == len(plain):
            raw = raw.rename_columns(plain)
        return raw, detected

    def target_of(self, raw: pa.Table) -> str | None:
        return named(raw.column_names, ITEM)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        asked = (config.user, config.rating, config.time) if config is not None else (None, None, None)
        target = schema.target
        others = [n for n in schema.names if target is None or n != target.name]
        found: dict[str, str | None] = {}
        for part, name, usual in zip(("user", "rating", "time"), asked, (USER, RATING, TIME), strict=True):
            if name is not None:
                schema[name]  # raises ColumnError with the nearest names
            found[part] = name or (time_named(schema, others, usual) if part == "time" else named(others, usual))
        if found["user"] is None:
            shown = ", ".join(others[:12])
            raise ColumnError(
                f"Name the column that says whose event it is with --user. The columns are: {shown}",
                f"请用 --user 指定用户列。现有的列：{shown}",
            )
        changes: dict[str, dict[str, Any]] = {
            n: {"role": "ignored", "reason": Words("not read by this task", "该任务不使用此列")} for n in others
        }
        changes[found["user"]] = {"modality": "id", "role": "input", "options": {"whole": True}, "reason": None}
        if found["time"] is not None:
            changes[found["time"]] = as_time(schema[found["time"]], asked[2] is not None)
        if found["rating"] is not None and schema[found["rating"]].modality == "number":
            changes[found["rating"]] = {"role": "weight", "reason": None}
        elif asked[1] is not None:
            raise OptionError(
                f"--rating names a column of numbers; `{asked[1]}` holds {schema[asked[1]].modality}.",
                f"--rating 应为数值列；`{asked[1]}` 的类型为 {schema[asked[1]].modality}。",
            )
        if target is not None:
            changes[target.name] = {"modality": "id", "options": {"items": True, "whole": True}}
        return schema.with_columns(changes)

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        table, nobody = _of_somebody(table)
        table, future = _until_now(table)
        table, disliked = self._liked(table, config)
        said = [w for w in (nobody, future, disliked) if w is not None]
        return table, Words(" ".join(w.en for w in said), "".join(w.zh for w in said)) if said else None

    def _liked(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        """Return the events whose rating suffices, and what is said of the others."""
        if config.at_least is None:
            return table, None
        rating = table.schema.of_role("weight")
        if not rating:
            raise OptionError(
                "--at-least compares ratings: name their column with --rating.",
                "--at-least 需要评分：请用 --rating 指定评分列。",
            )
        values = np.asarray(table.column(rating[0].name).fill_null(float("nan")), np.float64)
        rows = np.flatnonzero(values >= config.at_least)
        if len(rows) == 0:
            raise DataError(
                f"No event of {table.source} has a rating of at least {config.at_least:g}; the highest is {np.nanmax(values):g}.",
                f"{table.source} 中没有评分不低于 {config.at_least:g} 的事件；最高为 {np.nanmax(values):g}。",
            )
        gone = len(table) - len(rows)
        return table.take(rows), Words(
            f"{gone:,} of {len(table):,} events have a rating below {config.at_least:g}, or none, and are left out.",
            f"{len(table):,} 个事件中有 {gone:,} 个评分低于 {config.at_least:g} 或没有评分，已排除。",
        )

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return RankedCodec.fit(values)

    def fit_codec(self, table: Table) -> TargetCodec:
        """Fit the catalogue on events and on the table of items, whose further items stand behind those that were had."""
        codec = super().fit_codec(table)
        items = table.related.get("items")
        if items is None or not isinstance(codec, RankedCodec):
            return codec
        new = [k for k in items.keys.to_pylist() if k not in codec.places]
        return RankedCodec([*codec.items, *sorted(new)])

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean cross entropy over items: outputs [B, I], truth [B]."""
        from torch.nn.functional import cross_entropy

        if row_weight is not None:
            return (row_weight * cross_entropy(outputs, truth, label_smoothing=smoothing, reduction="none")).mean()
        return cross_entropy(outputs, truth, label_smoothing=smoothing)

    def request(self, schema: Schema) -> type[BaseModel]:
        fields: dict[str, Any] = {"user": (str | int | None, None), HISTORY: (list[str | int] | None, None)}
        names = [c.name for c in schema.inputs if c.modality == "id"]
        if names and names[0] != "user":
            fields[names[0]] = fields.pop("user")
        told = Schema(tuple(c for c in schema.inputs if c.name not in (*fields, HISTORY)))  # columns of users
        fields |= {n: (found.annotation, found) for n, found in request_model(told).model_fields.items()}
        return create_model("Row", **fields)

    def served(self, schema: Schema) -> Schema:
        kept = tuple(c for c in schema if c.role in ("input", "target"))
        history = () if HISTORY in schema else (Column(HISTORY, "labels", "input", OPTIONAL),)
        return Schema((*kept, *history))

    def sent(self, related: Mapping[str, Related]) -> tuple[Column, ...]:
        return tuple(related["users"].inputs) if "users" in related else ()

    def deployed(self, model: Model, config: RunConfig) -> Model:
        from modelwright.recipes.shared.recommend import RankModel

        if isinstance(model, RankModel):
            model.keeps_histories = config.histories
        return model

    def remembering(self, model: Model, develop: Table) -> Model:
        from modelwright.recipes.shared.recommend import Histories, RankModel

        if isinstance(model, RankModel):
            model.remember(Histories.of(develop, model.target))
        return model

    def split(self, table: Table, config: RunConfig, official: bool) -> Split | None:
        rows = np.arange(len(table))
        users = first_id(table)
        times = times_of(table, table.schema.of_role("time"))
        way = config.hold_out
        if way == "auto":
            way = "time" if times is not None else "random"
        if way == "time" and times is None:
            raise OptionError(
                "--hold-out time needs a column of times: name it with --time.",
                "--hold-out time 需要时间列：请用 --time 指定。",
            )
        test = np.empty(0, np.int64) if official else held(rows, users, times, way, _TEST_SHARE, config.seed)
        if not official and len(test) == 0:
            raise DataError(
                "No user has two events or more, so nothing can be held out. Are the columns of users and items the right ones?",
                "没有任何用户有两个以上的事件，无法留出数据。请检查用户列与物品列是否正确。",
            )
        develop = np.setdiff1d(rows, test)
        valid = held(develop, users, times, way, _VALID_SHARE, config.seed + 1)
        train = np.setdiff1d(develop, valid)
        if len(valid) == 0 or len(train) == 0:
            raise DataError(
                f"{counted(len(table), 'event')} {'is' if len(table) == 1 else 'are'} too few to train, validate and test on: most users need at least three.",
                f"{len(table)} 个事件太少，无法用于训练、验证与测试：多数用户至少需要三个事件。",
            )
        valid = _of_some_users(valid, users, config.seed)
        return Split(develop, test, windows=((train, valid),))

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report.recommended import sections
        from modelwright.recipes.shared.recommend import user_column

        return sections(judged, develop, test, user_column(develop.schema).name)

    def sample_related(self, rows: int, seed: int) -> dict[str, tuple[pa.Table, str]]:
        """Return what the sample's items and users are; two items were had by nobody."""
        return _sample_tables(rows)

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return RankedCodec.restore(state)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return events of users who each like one of three kinds of items, in the order of time."""
        rng = np.random.default_rng(seed)
        people = max(4, rows // 8)
        user = rng.integers(0, people, rows)
        item = np.where(rng.random(rows) < 0.9, user % 3, rng.integers(0, 3, rows)) * 6 + rng.integers(0, 6, rows)
        return pa.table({"user": [f"u{u}" for u in user], "item": [f"i{i}" for i in item]}), "item"


def _sample_tables(rows: int) -> dict[str, tuple[pa.Table, str]]:
    people, kinds = max(40, rows // 8), ("tea", "ink", "oak")
    items = {
        "item": [f"i{i}" for i in range(20)],
        "kind": [kinds[i // 6] if i < 18 else kinds[i - 18] for i in range(20)],
        "price": [float(1 + i % 6) for i in range(20)],
    }
    users = {"user": [f"u{u}" for u in range(people)], "taste": [kinds[u % 3] for u in range(people)]}
    return {"items": (pa.table(items), "item"), "users": (pa.table(users), "user")}


def _of_somebody(table: Table) -> tuple[Table, Words | None]:
    """Return the events whose user is known, and what is said of the others. Raises DataError where none is."""
    column = table.schema.who
    known = np.ones(len(table), bool) if column is None else np.asarray(table.column(column.name).is_valid())
    gone = int((~known).sum())
    if column is None or not gone:
        return table, None
    user = column.name
    if gone == len(table):
        raise DataError(
            f"Expected users in `{user}` of {table.source}, received no value. Name another column with --user.",
            f"{table.source} 的 `{user}` 列应为用户，但没有任何值。请用 --user 指定其他列。",
        )
    return table.take(np.flatnonzero(known)), Words(
        f"{gone:,} of {len(table):,} events have no `{user}` and are left out.",
        f"{len(table):,} 个事件中有 {gone:,} 个没有 `{user}`，已排除。",
    )


def _until_now(table: Table) -> tuple[Table, Words | None]:
    """Return the events that do not lie in the future, and what is said of those that do; all of them where most do, since then it is
    rather the clock of this machine that is wrong."""
    columns = table.schema.of_role("time")
    if not columns or columns[0].modality != "timestamp":
        return table, None
    values = table.column(columns[0].name)
    soon = pa.scalar(dt.datetime.now(dt.UTC).replace(tzinfo=None) + _SOON, values.type)
    late = np.asarray(pc.greater(values, soon).fill_null(False))
    if not late.any():
        return table, None
    last = pc.max(values).as_py()
    many, rows = int(late.sum()), len(table)
    if many > rows / 2:
        return table, Words(
            f"{many:,} of {rows:,} events lie in the future (the last one {last:%Y-%m-%d}): check the clock and the column `{columns[0].name}`.",
            f"{rows:,} 个事件中有 {many:,} 个在未来（最晚 {last:%Y-%m-%d}）：请检查系统时间和列 `{columns[0].name}`。",
        )
    return table.take(np.flatnonzero(~late)), Words(
        f"{many:,} of {rows:,} events lie in the future (the last one {last:%Y-%m-%d}) and are left out; correct their `{columns[0].name}`.",
        f"{rows:,} 个事件中有 {many:,} 个在未来（最晚 {last:%Y-%m-%d}），已排除；请更正其 `{columns[0].name}`。",
    )


def _of_some_users(rows: np.ndarray, users: np.ndarray, seed: int) -> np.ndarray:
    """Return the rows of at most so many users as suffice to compare candidates."""
    people = np.unique(users[rows])
    if len(people) <= _MOST_USERS:
        return rows
    some = np.random.default_rng(seed).choice(people, _MOST_USERS, replace=False)
    return rows[np.isin(users[rows], some)]


TASK = Recommendation
