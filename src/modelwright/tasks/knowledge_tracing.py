"""Knowledge tracing: from a learner's answers so far, whether the next one will be right, and what has been mastered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, create_model

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.right_wrong import RightWrongCodec
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import OPTIONAL, Column, Schema, Table
from modelwright.core.task import Plot, Section, Split, Task
from modelwright.core.words import Words
from modelwright.data.coerce import coerce
from modelwright.data.learners import GOES_ON, HISTORY, histories, read_three_lines, strange_in
from modelwright.evaluate.by_unit import first_id
from modelwright.evaluate.metrics import tracing as evaluate
from modelwright.tasks._events import TIME, USER, as_time, held, named, time_named, times_of

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_LEARNER = frozenset(
    "learner learnerid student studentid pupil pupilid 学习者 学习者id 学生 学生id 学号 学员 学员id".split()
)
_SKILL = frozenset("skill skillid skillname kc kcid concept conceptid knowledgecomponent topic topicid knowledgepoint "
                   "技能 技能id 知识点 知识点id 概念".split())  # fmt: skip
_RIGHT = frozenset(
    "correct iscorrect right isright answeredcorrectly correctness outcome result 正确 是否正确 对错 答对 结果 答题结果".split()
)
_TIMES = TIME | frozenset("orderid order starttime answeredat 作答时间 答题时间 顺序".split())
_VALID_SHARE = 0.15
_FEW = 20_000  # answers up to which candidates are compared on five folds


class KnowledgeTracing(Task):
    """Answers of learners (learner, skill, right or wrong, time) in; the chance that the next one is right out.

    A row is judged from the rows of its learner before it. Chosen by name only.
    """

    name = "knowledge-tracing"
    title = Words("knowledge tracing", "知识追踪")
    inputs = frozenset({"id", "category", "labels"})
    targets = frozenset({"boolean"})
    metrics = evaluate.metrics()
    target_read_as = "boolean"
    by_columns = False
    stratifies = False
    keeps_near_rows = False
    checks_answers = False
    checked = False  # equal rows are answers given again
    recalls = False
    in_turn = True
    held_out = 50_000

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality == "boolean" and column.options.get("answers") else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        found = read_three_lines(source)
        return None if found is None else (found, Detected(names=tuple(found.column_names)))

    def target_of(self, raw: pa.Table) -> str | None:
        return named(raw.column_names, _RIGHT)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        asked = (config.user, config.skill, config.time) if config is not None else (None, None, None)
        target = schema.target
        others = [n for n in schema.names if target is None or n != target.name]
        usual = (_LEARNER, _SKILL, _TIMES)
        for name in asked:
            if name is not None:
                schema[name]  # raises ColumnError with the nearest names
        learner, skill, time = (name or named(others, known) for name, known in zip(asked, usual, strict=True))
        learner = learner or named(others, USER)
        time = time or time_named(schema, others, usual[2])
        for found, option, en, zh in (
            (learner, "--user", "whose answer it is", "学习者列"),
            (skill, "--skill", "what was practised", "技能列"),
        ):
            if found is None:
                shown = ", ".join(others[:12])
                raise ColumnError(
                    f"Name the column that says {en} with {option}. The columns are: {shown}",
                    f"请用 {option} 指定{zh}。现有的列：{shown}",
                )
        assert learner is not None
        assert skill is not None
        reason = Words("not read by this task", "该任务不使用此列")
        changes: dict[str, dict[str, Any]] = {n: {"role": "ignored", "reason": reason} for n in others}
        later = config is not None and config.hold_out == "time"
        options = {GOES_ON: True} if later else {}
        changes[learner] = {"modality": "id", "role": "input", "options": options, "reason": None}
        changes[skill] = {"modality": "category", "role": "input", "options": {}, "reason": None}
        if time is not None:
            changes[time] = as_time(schema[time], asked[2] is not None)
        if target is not None:
            changes[target.name] = {"modality": "boolean", "options": {**target.options, "answers": True}}
        return schema.with_columns(changes)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return RightWrongCodec.fit(values)

    def request(self, schema: Schema) -> type[BaseModel]:
        fields: dict[str, Any] = {c.name: (str | int | None, None) for c in schema.inputs if c.name != HISTORY}
        return create_model("Row", **{**fields, HISTORY: (list[str] | None, None)})

    def served(self, schema: Schema) -> Schema:
        kept = tuple(c for c in schema if c.role in ("input", "target", "time"))
        history = () if HISTORY in schema else (Column(HISTORY, "labels", "input", OPTIONAL),)
        return Schema((*kept, *history))

    def with_past(self, raw: pa.Table, schema: Schema) -> pa.Table:
        """Give each row the answers of its learner before it, where the table holds answers: rows without one are questions."""
        target = schema.target
        if target is None or target.name not in raw.column_names or HISTORY in raw.column_names:
            return raw
        needed = Schema(tuple(c for c in schema if c.name != HISTORY and c.name in raw.column_names))
        if sum(c.role == "input" for c in needed) < 2:
            return raw
        table, _ = coerce(raw.select(needed.names), needed, need_target=False)
        return raw.append_column(HISTORY, histories(table))

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        out = []
        given = table.column(HISTORY).to_pylist() if HISTORY in table.data.column_names else []
        for row, cells in enumerate(given):
            cell = strange_in(cells or [])
            if cell is not None:
                shown = cell[:60]
                words = Words(
                    f"expected answers as `skill=1` (right) or `skill=0` (wrong), received `{shown}`",
                    f"作答应写作 `技能=1`（对）或 `技能=0`（错），收到的是 `{shown}`",
                )
                out.append((row, HISTORY, words))
        return out

    def split(self, table: Table, config: RunConfig, official: bool) -> Split | None:
        if config.hold_out == "time":
            return _later(table, config, official)
        if config.hold_out != "auto":
            raise OptionError(
                f"Answers are held out by learner (leave --hold-out out) or by time (--hold-out time), received {config.hold_out}.",
                f"作答按学习者留出（不加 --hold-out）或按时间留出（--hold-out time），收到的是 {config.hold_out}。",
            )
        return _of_others(table, config, official)

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        import modelwright.evaluate.plots.charts as plots

        return plots.classification(judged)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report.traced import sections

        return sections(model, judged, develop, test)

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return RightWrongCodec.restore(state)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return answers of learners who practise one skill after the other, and learn as they go."""
        rng = np.random.default_rng(seed)
        each = 12
        learner = np.arange(rows) // each
        place = np.arange(rows) % each
        skill = (place // 4 + learner) % 3
        able = rng.normal(0, 1, rows // each + 1)[learner]
        chance = 1 / (1 + np.exp(-(able + 0.8 * (place % 4) - 1.0 + 0.5 * (1 - skill))))
        right = rng.random(rows) < chance
        names = ("fractions", "decimals", "分数应用题")
        table = pa.table(
            {
                "learner": [f"s{n}" for n in learner],
                "skill": [names[s] for s in skill],
                "correct": [bool(r) for r in right],
            }
        )
        return table, "correct"


def _of_others(table: Table, config: RunConfig, official: bool) -> Split:
    """Hold out whole learners, or whole groups of them. Raises DataError where there are too few."""
    units = first_id(table)
    if config.group:
        units = np.asarray(table.column(config.group).cast(pa.string()).dictionary_encode().indices.fill_null(-1))
    units = np.unique(units, return_inverse=True)[1]
    count = int(units.max()) + 1
    few = len(table) <= _FEW
    folds = min(config.folds or (5 if few else 1), count - 1)
    if count < (2 if official else 3) or folds < 1:
        raise DataError(
            f"Answers of {count} learner{'s' * (count != 1)} are too few to hold some out. Give more, or hold out later answers with --hold-out time.",
            f"只有 {count} 名学习者的作答，无法留出一部分。请提供更多学习者，或用 --hold-out time 留出较晚的作答。",
        )
    rng = np.random.default_rng(config.seed)
    place = np.cumsum(np.bincount(units)[order := rng.permutation(count)])  # answers up to each learner
    part = np.empty(count, np.int64)  # -1: tested on; else the fold that holds the learner out
    tested = 0 if official else min(max(1, int((place <= config.test_fraction * len(table)).sum())), count - 2)
    part[order[:tested]] = -1
    rest = place[tested:] - (place[tested - 1] if tested else 0)
    if folds > 1:
        part[order[tested:]] = np.arange(count - tested) % folds
    else:
        share = min(_VALID_SHARE, KnowledgeTracing.held_out / rest[-1])
        held_out = min(max(1, int((rest <= share * rest[-1]).sum())), count - tested - 1)
        part[order[tested:]] = (np.arange(count - tested) >= held_out).astype(np.int64)
    of = part[units]
    develop = np.flatnonzero(of >= 0)
    windows = tuple((np.flatnonzero((of >= 0) & (of != i)), np.flatnonzero(of == i)) for i in range(folds))
    return Split(develop, np.flatnonzero(of < 0), windows=windows)


def _later(table: Table, config: RunConfig, official: bool) -> Split:
    """Hold out the latest answers. Raises OptionError without times, DataError where none is later."""
    times = times_of(table, table.schema.of_role("time"))
    if times is None:
        raise OptionError(
            "--hold-out time needs a column of times: name it with --time.",
            "--hold-out time 需要时间列：请用 --time 指定。",
        )
    rows, learners = np.arange(len(table)), first_id(table)
    share = config.test_fraction
    test = np.empty(0, np.int64) if official else held(rows, learners, times, "time", share, config.seed)
    develop = np.setdiff1d(rows, test)
    valid = held(develop, learners, times, "time", _VALID_SHARE, config.seed) if len(develop) else develop
    train = np.setdiff1d(develop, valid)
    if len(train) == 0:
        raise DataError(
            "All answers have the same time, so none are later than others.", "所有作答的时间都相同，没有较晚的作答。"
        )
    return Split(develop, test, windows=((train, valid),))


TASK = KnowledgeTracing
