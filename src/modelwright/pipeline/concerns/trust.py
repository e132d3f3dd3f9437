"""What a run owes to the people in its rows: a privacy budget, groups compared, and an attack tried on its own model.

Each function is called once on the path, and does nothing where its part was not asked for.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.config import RunConfig
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.schema import Schema, Table
from modelwright.core.spending import Look, epsilon_of
from modelwright.core.task import Judged, Metric, Task, judge
from modelwright.core.words import Words
from modelwright.data.groups import cuts_of, groups_of
from modelwright.evaluate import fairness, membership
from modelwright.release.bundle import Predictor
from modelwright.tune.candidate import Validation
from modelwright.tune.private import PrivatePlan, private_facts
from modelwright.tune.standings import Outcome

if TYPE_CHECKING:
    from modelwright.tune.parts import Parts

_MOST_GROUPS = 50
_CHUNK = 256  # rows scored between two looks at the clock


def marked(schema: Schema, config: RunConfig) -> Schema:
    """Return the schema with sensitive columns kept from the inputs, and bounds written at their columns.

    Raises ColumnError for columns that are absent or cannot be so used, OptionError for bounds that cannot be read.
    """
    changes: dict[str, dict[str, Any]] = {}
    for name in config.sensitive:
        column = schema[name]
        if column.role == "target":
            raise OptionError(
                f"`{name}` is the target; --sensitive names columns that tell groups apart.",
                f"`{name}` 是目标列；--sensitive 用于指定区分人群的列。",
            )
        if column.role == "input" and not config.sensitive_input:
            changes[name] = {"role": "sensitive"}
    for name, text in config.bounds.items():
        low, high = _bounds(name, text)
        if schema[name].modality != "number":
            raise ColumnError(
                f"--bounds are for numbers; `{name}` is of modality {schema[name].modality}.",
                f"--bounds 仅用于数值列；`{name}` 的模态为 {schema[name].modality}。",
            )
        own = changes.setdefault(name, {})
        own["options"] = {**schema[name].options, "bounds": [low, high]}
    return schema.with_columns(changes)


def _bounds(name: str, text: str) -> tuple[float, float]:
    low, dots, high = str(text).partition("..")
    try:
        found = float(low), float(high)
    except ValueError:
        dots = ""
    if not dots or not found[0] < found[1]:
        raise OptionError(
            f"Expected --bounds {name}=LOW..HIGH, such as {name}=0..100, received `{text}`.",
            f"应写作 --bounds {name}=下限..上限，例如 {name}=0..100，收到的是 `{text}`。",
        )
    return found


def grouped(table: Table, config: RunConfig) -> Table:
    """Return the table with what tells its groups apart written at its sensitive columns. Raises ColumnError where there
    are more than 50 groups, or only one."""
    changes = {}
    for name in config.sensitive:
        column = table.schema[name]
        if column.modality in ("number", "timestamp"):
            values = table.column(name)
            numbers = values.cast("int64").cast("float64") if column.modality == "timestamp" else values
            cuts = cuts_of(np.asarray(numbers.fill_null(float("nan")), np.float64))
            changes[name] = {"options": {**column.options, "cuts": cuts}}
            column = replace(column, options={**column.options, "cuts": cuts})
        count = len(groups_of(table.column(name), column)[1])
        if not 1 < count <= _MOST_GROUPS:
            raise ColumnError(
                f"`{name}` makes {count} groups; to be compared there must be 2 to {_MOST_GROUPS}.",
                f"`{name}` 分出 {count} 组；可比较的组数应为 2 到 {_MOST_GROUPS}。",
            )
    return table.with_schema(table.schema.with_columns(changes))


@dataclass
class Trust:
    """The privacy plan and the groups of a run; None for what was not asked for."""

    config: RunConfig
    task: Task
    target: TargetCodec
    plan: PrivatePlan | None
    groups: fairness.Groups | None

    @classmethod
    def begin(cls, config: RunConfig, task: Task, target: TargetCodec, plan: PrivatePlan | None) -> Trust:
        """Check that what was asked for fits the task. Raises OptionError where it does not."""
        groups = None
        if config.sensitive:
            if not target.compares_groups:
                raise OptionError(
                    f"Task `{task.name}` makes its answers; groups are compared for tasks that choose them.",
                    f"任务 `{task.name}` 生成答案；分组比较仅用于选择答案的任务。",
                )
            label = None if not target.labels else fairness.favourable_label(target, config.favourable)
            groups = fairness.Groups(tuple(config.sensitive), label)
        elif config.mitigate != "none" or config.favourable:
            raise OptionError(
                "Name the column that tells the groups apart: --sensitive COLUMN",
                "请指定区分人群的列：--sensitive 列名",
            )
        two = target.one_label and target.outputs == 2 and not target.ordered
        if config.mitigate == "thresholds" and not (two and len(config.sensitive) == 1):
            raise OptionError(
                "--mitigate thresholds is for targets with two labels and one sensitive column.",
                "--mitigate thresholds 仅用于两个标签的目标与一个敏感列。",
            )
        if config.mitigate == "reweigh" and not target.one_label:
            raise OptionError(
                "--mitigate reweigh is for targets with one label a row.",
                "--mitigate reweigh 仅用于每行一个标签的目标。",
            )
        return cls(config, task, target, plan, groups)

    def metric(self, name: str) -> Metric | None:
        """Return a metric for the gate that is not the task's: `epsilon`, `gap:...`, `worst:...`; None for others."""
        if name == "epsilon":
            plan = self.plan
            if plan is None:
                raise OptionError(
                    "A gate on epsilon needs a privacy budget: --epsilon 3",
                    "关于 epsilon 的条件需要隐私预算：--epsilon 3",
                )
            title = Words("epsilon spent", "已用的 epsilon")
            return Metric("epsilon", title, False, lambda judged: plan.spending.spent, high=np.inf)
        return fairness.group_metric(name, self.task, self.target, self.groups)

    def looking_at(self, table: Table) -> None:
        """Judge groups of this table's rows from now on."""
        if self.groups is not None:
            self.groups.use(table)

    def mitigate(self, predictor: Predictor, outcome: Outcome, validation: Validation) -> None:
        """Give each group its threshold, found on validation rows; and keep what groups are made of out of a private bundle."""
        self.before: Predictor | None = None
        if self.config.mitigate == "thresholds" and self.groups is not None:
            from modelwright.evaluate.calibration import no_threshold
            from modelwright.evaluate.shifts import find_shifts

            column, label = self.groups.columns[0], int(self.groups.favourable or 0)
            scores = predictor.target.tempered(outcome.scores, predictor.temperature)
            warm = judge(
                self.target, validation.truth, scores, validation.table.rows[validation.index], predictor.thresholds
            )
            self.groups.use(validation.table)
            codes, names = self.groups.of(warm, column)
            metric = self.task.metric("accuracy") if no_threshold(validation.metric.name) else validation.metric
            cut = predictor.thresholds[0] if predictor.thresholds else 0.5
            values, _ = find_shifts(metric, warm, [names[c] for c in codes], label, cut)
            if not values:
                raise DataError(
                    f"Too few validation rows with the favourable answer to give the groups of `{column}` thresholds of their own.",
                    f"验证集中得到有利回答的行太少，无法为 `{column}` 的各组设定各自的阈值。",
                )
            self.before = replace(predictor)
            predictor.shifts = {"column": column, "label": label, "values": values}
            predictor.schema = predictor.schema.with_column(column, role="input", reason=None)
        if self.plan is not None:
            bare: dict[str, dict[str, Any]] = {
                n: {"options": {}} for n in self.config.sensitive if predictor.schema[n].role == "sensitive"
            }
            predictor.schema = predictor.schema.with_columns(bare)

    def tell(self, facts: dict[str, Any], outcome: Outcome) -> None:
        """Add to a run's first facts what was spent, by candidate and in all."""
        if self.plan is None:
            return
        facts |= private_facts(self.plan)
        spent = {c.name: c.models[0].extent.get("private") for c in outcome.candidates}
        for row in facts["leaderboard"]:
            look = spent.get(row["name"])
            if row.get("status") == "ok":
                row["epsilon"] = epsilon_of([Look(**look)], self.plan.spending.delta) if look else 0.0

    def deepen(
        self, facts: dict[str, Any], predictor: Predictor, parts: Parts, judged: Judged, validation: Validation
    ) -> None:
        """Add what takes longer: the attack on membership, and the groups of the test rows."""
        if not self.target.compares_groups:
            return
        whole = facts["refitted"] or len(validation.splits) > 1
        members = parts.develop if whole else validation.parts[0][0]
        found = _attacked(predictor, membership.members_of(members), judged, self._apart(parts))
        if found is not None:
            facts["membership"] = found.to_json()
        if self.groups is None:
            return
        metric = self.task.metric(facts["metric"])
        fair = fairness.judge_groups(self.task, metric, judged, self.groups, parts.test)
        if self.config.mitigate != "none":
            fair["mitigation"] = self._cost(predictor, parts.test, judged, metric)
        facts["fairness"] = fair
        if importlib.util.find_spec("matplotlib") is not None:
            from modelwright.evaluate.fair_parts import pictures

            facts["plots"] = [*facts.get("plots", []), *({"name": p.name, "title": list(p.title), "says": list(p.says), "svg": p.svg} for p in pictures(fair))]  # fmt: skip

    def _apart(self, parts: Parts) -> bool:
        c = self.config
        return bool(parts.official or c.group or c.time or c.split != "random")

    def _cost(self, predictor: Predictor, test: Table, after: Judged, metric: Metric) -> dict[str, Any]:
        """Return what mitigation was and, where that can be told, what it changed."""
        if self.config.mitigate == "reweigh" or self.before is None or self.groups is None:
            words = Words(
                "Rows were weighed in training so that, over the sensitive columns, every label weighs within each group what it weighs in all (reweighing, Kamiran & Calders 2012). To see what it cost, compare with a run without --mitigate.",
                "训练时对各行加权，使每个标签在各组内的权重与其总体权重相同（重加权，Kamiran 与 Calders，2012）。要了解代价，请与不使用 --mitigate 的运行比较。",
            )
            return {"words": list(words)}
        column = test.schema.target
        truth = test.column(column.name if column else "")
        plain = self.before
        before = judge(plain.target, truth, plain.scores(test), test.rows, plain.thresholds)
        sensitive = self.groups.columns[0]
        words = Words(
            f"Each group of `{sensitive}` has a threshold of its own, found on validation rows, so that those who should get the favourable answer get it equally often. Rows must hold `{sensitive}` when they are answered; without it the common threshold serves.",
            f"`{sensitive}` 的每一组有各自的阈值（在验证集上求得），使应得有利回答者得到它的比例相同。预测时各行须含 `{sensitive}`；缺失时使用共同的阈值。",
        )
        rows = []
        wanted = [metric, *(m for m in self.task.metrics if m.name == "accuracy" and m.name != metric.name)]
        names = ("gap:true_positive_rate", "gap:positive_rate", "gap:equalised_odds")
        for m in [*wanted, *(self.metric(n) for n in names)]:
            if m is not None:
                rows.append({"title": list(m.title), "before": m(before), "after": m(after)})
        return {"words": list(words), "rows": rows, "shifts": predictor.shifts}


def _attacked(predictor: Predictor, members: Table, judged: Judged, apart: bool) -> membership.Membership | None:
    """Return what the attack on membership finds on as many training rows as can be answered in two seconds."""
    if not membership.attackable(predictor.target):
        return None
    shuffled = members.take(np.random.default_rng(0).permutation(len(members)))
    until = time.monotonic() + 2.0
    parts: list[np.ndarray] = []
    for start in range(0, len(shuffled), _CHUNK):
        if parts and time.monotonic() > until:
            break
        some = shuffled.take(np.arange(start, min(start + _CHUNK, len(shuffled))))
        column = some.schema.target
        truth = some.column(column.name if column else "")
        parts.append(membership.losses(judge(predictor.target, truth, predictor.scores(some), some.rows)))
    return membership.attack(np.concatenate(parts), membership.losses(judged), apart=apart) if parts else None
