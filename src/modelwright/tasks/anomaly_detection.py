"""Anomaly detection: how unusual each row of a table or moment of a series is, with alarms at a declared rate of false ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.anomaly import UNLABELLED, AnomalyCodec
from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ColumnError, DataError, OptionError, unknown
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged, Metric
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import GeneratedTask, Plot, Section, Split
from modelwright.core.words import Words, counted
from modelwright.data import trailing_windows
from modelwright.data.series import numbers_of
from modelwright.data.sources import read_table
from modelwright.data.time_parts import made_of, parts_of, put_together
from modelwright.evaluate.metrics import anomalies as evaluate
from modelwright.tasks._columns import sample_columns
from modelwright.tasks._shares import share_of

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_MARK = "anomaly"  # the column of labels in a table that has none
_TEST_SHARE, _VALID_SHARE = 0.2, 0.15
_LEAST = 20  # rows


def rate_of(text: str) -> float:
    """Return the share that `--false-alarms` says. Raises OptionError for what is none."""
    return share_of(text, "--false-alarms", Words("usual rows", "正常数据"))


class AnomalyDetection(GeneratedTask):
    """Rows in; for each a score, a p-value, whether that is reason for an alarm, and which columns it rests on."""

    name = "anomaly-detection"
    title = Words("anomaly detection", "异常检测")
    inputs = frozenset({"number", "category", "boolean", "timestamp", "text", "series"})
    targets = frozenset({"category"})
    metrics = (*evaluate.OF_LABELS, *evaluate.BARE)
    target_read_as = "category"
    recalls = False  # a usual row is not to be recalled, and an unusual one the less
    keeps_unlabelled = True

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        # labels may be anything, and there may be none: only where the task was named
        return 0.001 if "rate" in column.options else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        raw, detected = read_table(source, reading, events)
        mark = _MARK
        while mark in raw.column_names:
            mark += "_"
        return raw.append_column(mark, pa.array([UNLABELLED] * raw.num_rows)), detected

    def target_of(self, raw: pa.Table) -> str | None:
        return _mark(raw.column_names)

    def laid_out(self, raw: pa.Table, config: RunConfig) -> tuple[pa.Table, dict[str, dict[str, Any]]]:
        """Gather the columns of numbers into windows, where a column of times says that rows are moments."""
        for name in (config.time, config.machine):
            if name is not None and name not in raw.column_names:
                raise unknown(Words("column", "列"), name, raw.column_names, ColumnError)
        if config.time is None:
            if config.machine or config.period is not None:
                raise OptionError(
                    "--machine and --period are for series: name the column of times with --time.",
                    "--machine 与 --period 用于时间序列：请用 --time 指定时间列。",
                )
            return raw, {}
        raw, _ = put_together(raw, config.time)
        time = made_of(raw.column_names) or config.time
        apart = {
            config.target,
            *parts_of(time),
            time,
            config.machine,
            _mark(raw.column_names),
            *config.ignore,
            *config.column,
        }
        channels = numbers_of(raw, apart, config.decimal)
        units = trailing_windows.with_units(raw, {*apart, *channels}, config.decimal or ".")
        channels |= {n: trailing_windows.quantity_channel(raw, n, options) for n, options in units.items()}
        if not channels:
            raise DataError(
                "There is no column of numbers beside --time that could be watched.", "除 --time 外没有可监测的数值列。"
            )
        season = config.period
        if season is None:
            season = trailing_windows.season_of(channels, *trailing_windows.in_order(raw, time, config.machine))
        layout = {
            "time": time, "id": config.machine, "channels": list(channels),
            "length": trailing_windows.length_of(season), "season": season, **({"units": units} if units else {}),
        }  # fmt: skip
        layouts: dict[str, dict[str, Any]] = {trailing_windows.NAME: {"trailing": layout}}
        from modelwright.data.series import gathered

        return gathered(raw, layouts, decimal=config.decimal), layouts

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        changes: dict[str, dict[str, Any]] = {}
        target = schema.target
        mark = _mark(schema.names)
        for column in schema:
            unread = column.role == "input" and column.modality not in self.inputs
            if unread or (column.name == mark and target is not None and target.name != mark):
                changes[column.name] = {"role": "ignored", "reason": Words("not read by this task", "该任务不使用此列")}
        made, time = made_of(schema.names), config.time if config is not None else None
        for part in {made, *parts_of(made)} - {time} if made is not None and time in parts_of(made) else ():
            changes[part] = {"role": "ignored", "reason": Words(f"told with `{time}`", f"已与 `{time}` 合并读取")}
        if config is not None and config.machine is not None and config.machine in schema:
            changes[config.machine] = {
                "role": "ignored",
                "reason": Words("says whose series a row is of", "行所属的序列"),
            }
        schema = schema.with_columns(changes)
        if target is not None:
            rate, normal = ("1%", None) if config is None else (config.false_alarms, config.normal)
            told = {"rate": rate_of(rate), "columns": _columns_told(schema), "normal": normal}
            schema = schema.with_column(
                target.name, modality="category", options={**schema[target.name].options, **told}
            )
        return schema

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        told = column.options
        return AnomalyCodec.fit(values, told["columns"], told["rate"], told.get("normal"))

    def ranks(self, table: Table) -> Metric:
        target = table.schema.target
        labelled = target is not None and target.name != _mark(table.schema.names)
        return evaluate.AVERAGE_PRECISION if labelled else evaluate.PLANTED_FOUND

    def metrics_of(self, target: TargetCodec) -> tuple[Metric, ...]:
        labelled = isinstance(target, AnomalyCodec) and target.anomalous is not None
        return self.metrics if labelled else evaluate.BARE

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean squared error of rows rebuilt: outputs [B, D], truth [B, D] (or one value a row)."""
        each = ((outputs - truth.reshape(len(truth), -1).to(outputs.dtype)) ** 2).mean(dim=1)
        return each.mean() if row_weight is None else (row_weight * each).mean()

    def split(self, table: Table, config: RunConfig, official: bool) -> Split | None:
        """Hold out the latest rows of series, as they are watched; rows of tables by chance."""
        count = len(table)
        if count < _LEAST:
            raise DataError(
                f"{counted(count, 'row')} cannot say what is usual; give at least {_LEAST}.",
                f"{count} 行数据太少，无法判断何为正常；请至少提供 {_LEAST} 行。",
            )
        columns = table.schema.of_role("time")
        if not columns:
            return None
        values = table.column(columns[0].name)
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.int64())
        when = np.asarray(values.cast(pa.float64()).fill_null(-np.inf), np.float64)
        order = np.lexsort((np.arange(count), when))
        test = (
            np.empty(0, np.int64) if official else np.sort(order[count - max(1, round(config.test_fraction * count)) :])
        )
        develop = order[: count - len(test)]
        valid = max(1, round(_VALID_SHARE * len(develop)))
        return Split(np.sort(develop), test, windows=((np.sort(develop[:-valid]), np.sort(develop[-valid:])),))

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        from modelwright.evaluate.report import found_anomalies

        return found_anomalies.plots(judged, table)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report import found_anomalies

        return found_anomalies.sections(model, judged, test)

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return AnomalyCodec.restore(state)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return rows of four kinds of columns that go together; in one of nine they do not, and a label says so."""
        rng, columns, _ = sample_columns(rows, seed)
        odd = rng.random(rows) < 1 / 9
        odd[: min(rows, 2)] = [True, False][: min(rows, 2)]
        columns["amount"] = [v + 60.0 if o else v for v, o in zip(columns["amount"], odd, strict=True)]
        columns["state"] = ["fault" if o else "normal" for o in odd]
        return pa.table(columns), "state"


def _mark(names: list[str]) -> str | None:
    """Return the column that marks rows as unlabelled; it was put behind any of the same name."""
    return max((n for n in names if re.fullmatch(f"{_MARK}_*", n)), key=len, default=None)


def _columns_told(schema: Schema) -> list[str]:
    """Return the columns that answers tell of; of windows their channels."""
    return [name for c in schema.inputs for name in c.options.get("trailing", {}).get("channels", [c.name])]


TASK = AnomalyDetection
