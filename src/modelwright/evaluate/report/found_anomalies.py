"""What the report shows of anomalies: the series with their alarms, scores row by row, whether the declared rate holds, the rows that stand
out most.

Legend: N rows, C channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.answers.anomaly import P_VALUE, SCORE, AnomalyCodec
from modelwright.core.figures import rounded, share
from modelwright.core.judged import Judged
from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.core.task import Plot, Section
from modelwright.core.words import Words, shortened
from modelwright.evaluate.plots import canvas as c

_MOST_CHANNELS = 4
_MOST_POINTS = 3000
_SHOWN = 20


def plots(judged: Judged, table: Table) -> list[Plot]:
    """Return the pictures of held-out rows. Raises MissingExtra without matplotlib."""
    if not len(judged.rows) or not isinstance(judged.target, AnomalyCodec):
        return []
    order = _in_time(judged, table)
    return [*_series(judged, table, order), _scores(judged, order), _alarms_at_rates(judged)]


def _in_time(judged: Judged, table: Table) -> np.ndarray:
    """Return the judged rows in order of time, or of the source where there is none."""
    columns = table.schema.of_role("time")
    if not columns:
        return np.argsort(judged.rows, kind="stable")
    values = table.column(columns[0].name)
    values = values.cast("int64") if str(values.type).startswith("timestamp") else values
    when = dict(zip(table.rows.tolist(), np.asarray(values.cast("float64").fill_null(0)).tolist(), strict=True))
    return np.argsort([when.get(int(r), 0.0) for r in judged.rows], kind="stable")


def _windows(table: Table) -> tuple[str, list[str]] | None:
    found = next((col for col in table.schema.inputs if "trailing" in col.options), None)
    return None if found is None else (found.name, list(found.options["trailing"]["channels"]))


def _series(judged: Judged, table: Table, order: np.ndarray) -> list[Plot]:
    """Draw the channels that alarms name most, with the alarms at the channels that they rest on."""
    from modelwright.features.shared.windows import windows_of

    told = _windows(table)
    if told is None:
        return []
    name, channels = told
    at = {int(row): i for i, row in enumerate(table.rows)}
    rows = [at[int(r)] for r in judged.rows[order]]
    last = windows_of(table.column(name), len(channels), 1)[rows, :, 0]
    alarms, odd = judged.chosen[order] == 1, judged.truth[order] == 1
    added = judged.scores[order][:, 3 : 3 + len(channels)]
    named = np.where(alarms[:, None], added >= 0.5 * added.max(axis=1, keepdims=True, initial=1e-12), False)
    chosen = np.argsort(-named.sum(axis=0), kind="stable")[:_MOST_CHANNELS]
    out = []
    first = max(0, len(order) - _MOST_POINTS)
    for channel in chosen.tolist():
        fig = c.figure(720, 240)
        ax = c.axes(fig, 60, 30, 20, 48)
        x = np.arange(first, len(order))
        ax.plot(x, last[first:, channel], color=c.ACCENT, linewidth=0.9)
        true = np.flatnonzero(odd[first:]) + first
        if len(true):
            ax.plot(true, last[true, channel], "o", color=c.PAPER, markeredgecolor=c.INK, markersize=6)
        hits = np.flatnonzero(named[first:, channel]) + first
        ax.plot(hits, last[hits, channel], "o", color=c.HARM, markersize=4)
        c.name_axes(ax, Words("held-out rows in order of time", "留出的行，按时间排列"), None)
        c.tick_in_thousands(ax)
        title = Words(f"{channels[channel]} and its alarms", f"{channels[channel]} 与报警")
        count = int(named[:, channel].sum())
        says = Words(
            f"{count:,} alarms (filled) rest on `{channels[channel]}`, of {int(alarms.sum()):,} in all."
            + (" Rings are labelled anomalies." if len(true) else ""),
            f"共 {int(alarms.sum()):,} 次报警，其中 {count:,} 次（实心点）源于 `{channels[channel]}`。"
            + ("空心圈为已标注的异常。" if len(true) else ""),
        )
        out.append(Plot(f"series-{channel}", title, says, c.svg(fig, f"series-{channel}", title)))
    return out


def _scores(judged: Judged, order: np.ndarray) -> Plot:
    title = Words("How unusual the rows are", "各行的异常程度")
    score, alarms = judged.scores[order, SCORE], judged.chosen[order] == 1
    some = np.arange(len(order))
    if len(some) > _MOST_POINTS:
        drawn = np.random.default_rng(0).choice(len(some), _MOST_POINTS, replace=False)
        some = np.unique(np.r_[drawn, np.flatnonzero(alarms)[:_MOST_POINTS]])
    fig = c.figure(720, 260)
    ax = c.axes(fig, 60, 30, 20, 48)
    plain, hot = some[~alarms[some]], some[alarms[some]]
    ax.plot(plain, score[plain], ".", color=c.MUTED, markersize=3)
    ax.plot(hot, score[hot], "o", color=c.HARM, markersize=4)
    if score.min() > 0 and score.max() > 50 * np.median(score):
        ax.set_yscale("log")
    c.name_axes(ax, Words("held-out rows", "留出的行"), Words("score", "得分"))
    n, hits = len(order), int(alarms.sum())
    says = Words(
        f"Alarms (filled) were raised at {hits:,} of {n:,} held-out rows ({share(hits, n)} %).",
        f"{n:,} 行留出数据中报警 {hits:,} 行（{share(hits, n)}%），以实心点表示。",
    )
    return Plot("scores", title, says, c.svg(fig, "scores", title))


def _alarms_at_rates(judged: Judged) -> Plot:
    """Draw how many usual rows raise an alarm at each declared rate: it holds where the line keeps to the diagonal."""
    assert isinstance(judged.target, AnomalyCodec)
    title = Words("Does the declared rate of false alarms hold?", "误报率是否如所声明？")
    p = judged.scores[judged.truth != 1, P_VALUE]
    rates = np.geomspace(1e-3, 0.5, 60)
    found = np.array([(p <= r).mean() for r in rates]) if len(p) else np.zeros(60)
    fig = c.figure(420, 360)
    ax = c.axes(fig, 70, 30, 20, 48)
    ax.plot(rates, rates, color=c.MUTED, linewidth=1, linestyle="--")
    ax.plot(rates, np.maximum(found, 3e-4), color=c.ACCENT, linewidth=2)
    ax.axvline(judged.target.rate, color=c.HARM, linewidth=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    c.name_axes(ax, Words("declared rate", "声明的误报率"), Words("alarms among usual rows", "正常行中的报警比例"))
    at = float((p <= judged.target.rate).mean()) if len(p) else 0.0
    says = Words(
        f"Declared: {judged.target.rate:.3g}; found at held-out rows not known to be anomalies: {at:.3g}.",
        f"声明值 {judged.target.rate:.3g}；留出数据中非已知异常行的实际值 {at:.3g}。",
    )
    return Plot("rate-held", title, says, c.svg(fig, "rate-held", title))


def sections(model: Model, judged: Judged, test: Table) -> list[Section]:
    """Return the rows that stand out most, with what they rest on."""
    if not len(judged.rows) or not isinstance(judged.target, AnomalyCodec):
        return []
    at = {int(row): i for i, row in enumerate(test.rows)}
    order = np.lexsort((-judged.scores[:, SCORE], judged.scores[:, P_VALUE]))[:_SHOWN]
    answers = judged.target.decode(judged.scores[order])
    rows = []
    for i, place in enumerate(order.tolist()):
        parts = answers.beside["columns"][i]
        shown = ", ".join(
            f"{p['column']} {_value(test, at[int(judged.rows[place])], p['column'])} ({p['share']:.0%})" for p in parts
        )
        known = {1: "anomaly", 0: "usual", -1: ""}[int(judged.truth[place])]
        score, p_value = answers.beside["score"][i], answers.beside["p_value"][i]
        rows.append(
            [
                str(int(judged.rows[place])),
                rounded(score),
                f"{p_value:.2g}",
                "!" if answers.predictions[i] else "",
                known,
                shown,
            ]
        )
    usual = len(getattr(model, "usual", ()))
    least = 1 / (usual + 1)
    short = Words("", "")
    if least > judged.target.rate:
        short = Words(
            f" {usual} calibration rows cannot tell a p-value below {least:.2g}: no alarm is ever raised at the declared rate. Give more rows, or a larger rate.",
            f" 校准数据只有 {usual} 行，p 值不可能小于 {least:.2g}：按声明的误报率永远不会报警。请提供更多数据或提高误报率。",
        )
    says = Words(
        f"The held-out rows that are most unusual, with the columns that make them so. P-values come from {usual:,} usual rows held apart.{short.en}",
        f"留出数据中最异常的行，以及使其异常的列。p 值由另外留出的 {usual:,} 行正常数据得到。{short.zh}",
    )
    head = (
        Words("row", "行"), Words("score", "得分"), Words("p-value", "p 值"), Words("alarm", "报警"), Words("known to be", "已知为"), Words("because of", "原因"),
    )  # fmt: skip
    return [Section("unusual", Words("The most unusual rows", "最异常的行"), says, head, rows, private=True)]


def _value(test: Table, row: int, column: str) -> str:
    """Return the cell of a row as a short text; of windows the last value of a channel."""
    value: Any
    if column in test.data.column_names:
        value = test.column(column)[row].as_py()
    else:
        told = _windows(test)
        cell = None if told is None else test.column(told[0])[row].as_py()
        value = None if cell is None or told is None else cell[told[1].index(column)][-1]
    if isinstance(value, float):
        return rounded(value)
    text = " ".join(str(value).split())
    return shortened(text, 30)
