"""Forecasting: for each series, quantiles of its next values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, create_model

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import LEVELS, ForecastCodec
from modelwright.core.answers.prices import critical_share
from modelwright.core.errors import OptionError
from modelwright.core.events import EventStream
from modelwright.core.figures import rounded
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import Asked, Formed, GeneratedTask, Plot, Section, Split
from modelwright.core.unit import STRETCHES
from modelwright.core.words import Words
from modelwright.data import wide
from modelwright.data.calendar import check_country
from modelwright.data.continuation import official_rows
from modelwright.data.frequency import parse
from modelwright.data.hierarchy import with_totals
from modelwright.data.panel import Told, series_of, told_of
from modelwright.data.seasons import found_seasons
from modelwright.data.sources import read_table
from modelwright.data.time_parts import made_of, parts_of, plain_name, put_together
from modelwright.data.windows import TEST, TRAIN, WINDOW, split_windows, to_table, windows_for
from modelwright.evaluate.metrics import forecasting as evaluate
from modelwright.evaluate.metrics.money import MEAN_COST

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_TIME = frozenset("time timestamp date datetime ds day week month year period 时间 日期 时刻 月份 年份 周期".split())
_VALUE = frozenset("value y target sales demand quantity 值 数值 销量 需求 数量".split())


class TimeSeriesForecasting(GeneratedTask):
    """Rows of a long or wide table in, quantiles of the next values of each series out."""

    name = "time-series-forecasting"
    title = Words("time series forecasting", "时间序列预测")
    inputs = frozenset({"id", "timestamp", "series", "number", "category", "boolean"})
    targets = frozenset({"series"})
    metrics = evaluate.metrics()
    in_money = MEAN_COST
    orders = True
    target_read_as = "number"
    checked = False
    recalls = False  # what comes next is not what came before
    unit = STRETCHES
    more = Words(
        "Give more series or longer ones, or look less far ahead (--horizon): 20 stretches tell something",
        "请提供更多或更长的序列，或缩短预测期（--horizon）：测试数据达到 20 段才能说明问题",
    )

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality == "series" and "horizon" in column.options else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        raw, detected = read_table(source, reading, events)
        time = reading.asked.get("time")
        raw, together = put_together(raw, time)
        long = wide.to_long(raw, reading, made_of(raw.column_names) or time)
        for said in (together, long[1] if long else None):
            if said is not None and events is not None:
                events.note(said.en, said.zh)
        return long[0] if long else raw, detected

    def target_of(self, raw: pa.Table) -> str | None:
        return next((n for n in raw.column_names if plain_name(n) in _VALUE), None)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        changes: dict[str, dict[str, Any]] = {}
        target = schema.target
        asked = config.time if config is not None else None
        made = made_of(schema.names)
        time = made or asked or time_of(schema)
        for part in parts_of(made) if made else ():
            if made != part in schema.names:
                changes[part] = {"role": "ignored", "reason": Words(f"stands in `{made}`", f"已并入 `{made}`")}
        for name in config.key if config is not None else ():
            changes[schema[name].name] = {"modality": "id", "role": "input", "options": {}, "reason": None}
        for name in config.known if config is not None else ():
            schema[name]  # raises ColumnError with the nearest names
        if time is not None:
            changes[time] = _as_time(schema[time])
        if target is not None:
            changes[target.name] = {"modality": "number"}
        return schema.with_columns(changes)

    def formed(self, table: Table, config: RunConfig, trained: Table | None = None) -> Formed:
        target = table.schema.target
        assert target is not None
        if trained is not None:
            return official_rows(table, trained)
        times = table.schema.of_role("time")
        asked = parse(config.frequency) if config.frequency else None
        told = Told(
            times[0].name if times else None, tuple(config.key), target.name, asked, config.fill, config.duplicates,
            tuple(config.known),
        )  # fmt: skip
        series, told, findings = series_of(table, told)
        assert told.frequency is not None
        if config.totals:
            if not told.keys:
                raise OptionError(
                    "--totals adds series up: name the columns that tell them apart with --key, the coarsest first.",
                    "--totals 用于合计序列：请用 --key 指定区分序列的列，由粗到细。",
                )
            series = with_totals(series)
        longest = max((len(s.values) for s in series), default=0)
        if config.season is not None and config.season >= longest:
            raise OptionError(
                f"Expected --season below {longest:,}, the steps of the longest series, received {config.season:,}: no season comes again in it. Give a shorter one, or leave it out.",
                f"--season 应小于最长序列的步数 {longest:,}，收到的是 {config.season:,}：其中没有重复的季节。请改小，或不指定。",
            )
        horizon = config.horizon or told.frequency.horizon
        official = bool(config.test)
        count, tests = windows_for(series, horizon, config.windows, config.gap, official)
        cuts = split_windows(series, horizon, config.gap, count, tests)
        options = {
            "levels": _levels(config.quantiles, _ordered(config)), "gap": config.gap, "season": config.season, "long": table.schema.to_json(),
            "seasons": found_seasons([s.values for s in series]) if told.frequency.unit == "step" else (),
            "positive": all(s.values.min() > 0 for s in series),
            "totals": config.totals,
            "country": check_country(config.holidays) if config.holidays else "",
        }  # fmt: skip
        rows = to_table(series, cuts, told, horizon, options, table.source)
        words = None
        if config.horizon is None:
            words = Words(
                f"Forecasts reach {horizon} steps ahead ({horizon} x {told.frequency.title.en}); choose with --horizon.",
                f"默认向前预测 {horizon} 步（每步 {told.frequency.title.zh}）；可用 --horizon 指定。",
            )
        return Formed(rows, words, tuple(findings))

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return ForecastCodec.fit(values, column.options)

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean absolute error: outputs [B, H], truth [B, H]."""
        off = (outputs - truth).abs().reshape(len(outputs), -1).mean(dim=1)
        return (off if row_weight is None else row_weight * off).mean()

    def request(self, schema: Schema) -> type[BaseModel]:
        fields: dict[str, Any] = {}
        for column in schema.inputs:
            kind: Any = {"series": list[float | None], "number": float, "boolean": bool}.get(column.modality, str)
            fields[column.name] = (kind | None, None)
        return create_model("Row", **fields)

    def served(self, schema: Schema) -> Schema:
        return Schema(tuple(c for c in schema if c.role in ("input", "target")))

    def named_inputs(self, schema: Schema) -> tuple[str, ...]:
        target = schema.target
        if target is None or "told" not in target.options:
            return super().named_inputs(schema)
        told = told_of(target.options["told"])
        return tuple(dict.fromkeys([*told.keys, *([told.time] if told.time else []), *told.moving, *told.fixed]))

    def caught_up(self, models: Sequence[Model], config: RunConfig, rows: Sequence[Table]) -> list[Model]:
        from modelwright.data.continuation import latest
        from modelwright.recipes.shared.forecast import ForecastModel
        from modelwright.recipes.shared.recent import Recent

        if config.recent and isinstance(models[0], ForecastModel):
            found: dict[str, Any] = {}
            for table in rows:
                for name, series in latest(table).items():
                    if name not in found or len(found[name].values) < len(series.values):
                        found[name] = series
            models[0].recent = Recent(found)
        return list(models)

    def asked(
        self, schema: Schema, models: Sequence[Model], source: Any, reading: Reading, protect: Callable[[Table], Table]
    ) -> Asked | None:
        from modelwright.recipes.shared.forecast_request import asked

        return asked(schema, models, source, reading, protect)

    def split(self, table: Table, config: RunConfig, official: bool) -> Split | None:
        window = np.asarray(table.column(WINDOW), np.float64).astype(int)
        test = np.flatnonzero(window == TEST) if not official else np.empty(0, np.int64)
        train, valid = np.flatnonzero(window == TRAIN), np.flatnonzero(window > 0)
        return Split(np.sort(np.concatenate([train, valid])), test, windows=((train, valid),))

    def untold(self, judged: Judged) -> tuple[Words, Words] | None:
        if np.isfinite(judged.known.get(evaluate.SCALES, np.zeros(1))).any():
            return None
        off = float(np.nanmax(np.abs(judged.truth - judged.chosen)))
        went = Words("went on as before", "之后也没有变化") if off <= 0 else Words(f"was missed by up to {rounded(off)}", f"最大误差为 {rounded(off)}")  # fmt: skip
        return (
            Words(
                f"the values never changed before them, so errors have no scale to be measured by; what came {went.en}.",
                f"此前的数值从未变化，误差没有可比的尺度；{went.zh}。",
            ),
            Words(
                "More values of this kind tell nothing more. If they should change, check where they come from; else serve the model: it answers with that value",
                "同样的数据再多也说明不了更多问题。若数值本应变化，请检查数据来源；否则可直接部署：模型会回答该值",
            ),
        )

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        from modelwright.evaluate.plots.forecasts import forecasts

        return forecasts(judged, table)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report.forecasted import sections

        return sections(judged, test)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return a long table of days: shops with a weekly pattern, a trend of their own and some noise."""
        rng = np.random.default_rng(seed)
        shops, days = 3, max(60, rows // 3)  # fewer days would hold no window to train on
        time = np.arange(days)
        parts = []
        for shop in range(shops):
            wave = 10 * np.sin(2 * np.pi * (time + 2 * shop) / 7)
            sold = 50 + 20 * shop + 0.1 * (shop + 1) * time + wave + rng.normal(0, 1, days)
            stamps = np.datetime64("2024-01-01", "us") + time.astype("timedelta64[D]")
            parts.append(
                pa.table({"shop": [f"shop {shop}"] * days, "date": pa.array(stamps), "sold": np.round(sold, 2)})
            )
        return pa.concat_tables(parts), "sold"


def time_of(schema: Schema) -> str | None:
    """Return the column of times: one of a usual name, else the first that holds times; None where there is none."""
    fit = [c.name for c in schema if c.modality in ("timestamp", "number", "id") and c.role != "target"]
    usual = [n for n in fit if plain_name(n) in _TIME]
    stamps = [c.name for c in schema if c.modality == "timestamp" and c.role != "target"]
    return next((n for n in usual if n in stamps), None) or next(iter([*usual, *stamps]), None)


def _as_time(column: Column) -> dict[str, Any]:
    if column.modality == "timestamp":
        return {"role": "time", "reason": None}
    if column.modality in ("number", "id"):  # steps that count up
        return {"modality": "number", "role": "time", "options": {}, "reason": None}
    raise OptionError(
        f"--time names a column of dates or of counted steps; `{column.name}` holds {column.modality}.",
        f"--time 应为日期列或计数列；`{column.name}` 的类型为 {column.modality}。",
    )


def _ordered(config: RunConfig) -> float | None:
    """Return the share of cases in which what is ordered is to suffice; None where nothing is ordered."""
    much, little = config.too_much, config.too_little
    return critical_share([much, little]) if much is not None and little is not None else None


def _levels(asked: Sequence[float], share: float | None) -> list[float] | None:
    """Return the levels asked for, else the usual ones as None; where a share lies beyond them, it is one of them, as far out on the other side too."""
    usual = sorted(asked) or LEVELS
    if share is not None and not usual[0] <= share <= usual[-1]:
        asked = [*usual, round(share, 6), round(1 - share, 6)]
    if not asked:
        return None
    levels = sorted({*asked, 0.5})
    if not levels[0] > 0 or not levels[-1] < 1:
        raise OptionError(
            f"--quantiles lie between 0 and 1, such as 0.1 and 0.9; received {asked[0]:g}.",
            f"--quantiles 应在 0 与 1 之间，如 0.1 和 0.9；收到的是 {asked[0]:g}。",
        )
    return levels


TASK = TimeSeriesForecasting
