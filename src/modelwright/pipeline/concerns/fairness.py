"""Fairness: groups are told apart by sensitive columns, compared on test rows, and treated alike where that was asked for."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np

from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.facts.privacy import BeforeAfter, MitigationFact
from modelwright.core.facts.run import Facts
from modelwright.core.judged import Judged, Metric, judge
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.groups import cuts_of, groups_of
from modelwright.evaluate import fairness
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State
from modelwright.release.bundle import Predictor

_MOST_GROUPS = 50


class Fairness(Concern):
    """Groups of rows compared, and gaps between them mitigated."""

    name = "fairness"
    groups: fairness.Groups | None = None  # None where no sensitive column was named
    before: Predictor | None = None  # the predictor before each group was given its threshold

    def options_checked(self) -> None:
        config = self.config
        if not config.sensitive and (config.mitigate != "none" or config.favourable):
            raise OptionError(
                "Name the column that tells the groups apart: --sensitive COLUMN",
                "请指定区分人群的列：--sensitive 列名",
            )

    def schema_inferred(self, schema: Schema) -> Schema:
        """Keep sensitive columns from the inputs. Raises ColumnError where one is absent, OptionError for the target."""
        changes: dict[str, dict[str, Any]] = {}
        for name in self.config.sensitive:
            column = schema[name]
            if column.role == "target":
                raise OptionError(
                    f"`{name}` is the target; --sensitive names columns that tell groups apart.",
                    f"`{name}` 是目标列；--sensitive 用于指定区分人群的列。",
                )
            if column.role == "input" and not self.config.sensitive_input:
                changes[name] = {"role": "sensitive"}
        return schema.with_columns(changes)

    def rows_labelled(self, table: Table) -> Table:
        """Write at sensitive columns what tells their groups apart. Raises ColumnError where there are more than 50 groups, or
        only one."""
        changes = {}
        for name in self.config.sensitive:
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

    def knows_metric(self, name: str) -> bool:
        return name.startswith(("gap:", "worst:"))

    def target_fitted(self, state: State) -> None:
        """Settle the groups. Raises OptionError where mitigation does not fit the target."""
        self.state = state
        config, target = self.config, state.parts.target
        if config.sensitive:
            if not target.compares_groups:
                raise OptionError(
                    f"Task `{state.task.name}` makes its answers; groups are compared for tasks that choose them.",
                    f"任务 `{state.task.name}` 生成答案；分组比较仅用于选择答案的任务。",
                )
            label = None if not target.labels else fairness.favourable_label(target, config.favourable)
            self.groups = fairness.Groups(tuple(config.sensitive), label)
            self.groups.use(state.parts.develop)
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

    def metric(self, name: str) -> Metric | None:
        """Return a metric of groups, `gap:...` or `worst:...`."""
        return fairness.group_metric(name, self.state.task, self.state.parts.target, self.groups)

    def predictor_made(self, state: State) -> None:
        """Give each group its threshold, found on validation rows, where that was asked for."""
        if self.config.mitigate != "thresholds" or self.groups is None:
            return
        predictor, validation = state.predictor, state.validation
        from modelwright.evaluate.calibration import no_threshold
        from modelwright.evaluate.group_thresholds import find_shifts

        column, label = self.groups.columns[0], int(self.groups.favourable or 0)
        scores = predictor.target.tempered(state.outcome.scores, predictor.temperature)
        warm = judge(
            state.parts.target, validation.truth, scores, validation.table.rows[validation.index], predictor.thresholds
        )
        self.groups.use(validation.table)
        codes, names = self.groups.of(warm, column)
        metric = state.task.metric("accuracy") if no_threshold(validation.metric.name) else validation.metric
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

    def test_begins(self, state: State) -> None:
        if self.groups is not None:
            self.groups.use(state.parts.test)

    def report_deepened(self, state: State, facts: Facts) -> None:
        """Compare the groups of the test rows, and tell what mitigation changed."""
        if self.groups is None:
            return
        test, metric = state.parts.test, state.metric
        found = fairness.judge_groups(state.task, metric, state.judged, self.groups, test)
        if self.config.mitigate != "none":
            found["mitigation"] = self._cost(state.predictor, test, state.judged, metric)
        facts["fairness"] = found
        if importlib.util.find_spec("matplotlib") is not None:
            from modelwright.evaluate.report.fairness import pictures

            facts["plots"] = [*facts.get("plots", []), *(p.to_json() for p in pictures(found))]

    def _cost(self, predictor: Predictor, test: Table, after: Judged, metric: Metric) -> MitigationFact:
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
        rows: list[BeforeAfter] = []
        wanted = [metric, *(m for m in self.state.task.metrics if m.name == "accuracy" and m.name != metric.name)]
        names = ("gap:true_positive_rate", "gap:positive_rate", "gap:equalised_odds")
        for m in [*wanted, *(self.metric(n) for n in names)]:
            if m is not None:
                rows.append({"title": list(m.title), "before": m(before), "after": m(after)})
        return {"words": list(words), "rows": rows, "shifts": predictor.shifts}
