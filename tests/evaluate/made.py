"""Judged rows and run facts made for tests: synthetic, but shaped as a run makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.judged import Judged, judge
from modelwright.core.schema import Column, Schema, Table

QUEUES = ["account", "billing", "delivery", "退款", "技术支持"]


def of_classes(rows: int = 400, labels: list[str] | None = None, *, seed: int = 0, signal: float = 2.5) -> Judged:
    """Rows of one label each, answered rightly the more often the larger `signal`."""
    rng = np.random.default_rng(seed)
    labels = sorted(labels or QUEUES)
    truth = rng.integers(0, len(labels), rows)
    logits = rng.normal(0, 1, (rows, len(labels)))
    logits[np.arange(rows), truth] += signal
    scores = np.exp(logits)
    scores /= scores.sum(1, keepdims=True)
    values = pa.array([labels[t] for t in truth])
    return judge(ClassesCodec(labels, np.bincount(truth).tolist()), values, scores, np.arange(1, rows + 1))


def of_sets(rows: int = 300, labels: int = 6, *, seed: int = 0) -> Judged:
    """Rows of any number of labels."""
    rng = np.random.default_rng(seed)
    names = [f"标签{i}" for i in range(labels)]
    truth = rng.random((rows, labels)) < 0.3
    scores = 1 / (1 + np.exp(-(3 * truth - 1.5 + rng.normal(0, 1, truth.shape))))
    values = pa.array([[names[i] for i in np.flatnonzero(t)] for t in truth], pa.list_(pa.string()))
    return judge(LabelSetsCodec(names, truth.sum(0).tolist()), values, scores, np.arange(1, rows + 1))


def of_values(rows: int = 300, *, seed: int = 0) -> Judged:
    """Rows of a number each."""
    rng = np.random.default_rng(seed)
    truth = rng.gamma(2, 100, rows)
    values = pa.array(truth)
    said = truth + rng.normal(0, 20, rows)
    return judge(ValueCodec.fit(values), values, said[:, None], np.arange(1, rows + 1))


def table(judged: Judged, *, seed: int = 7) -> Table:
    """A table of the judged rows with a column of every kind, among them one that is missing at times."""
    rng = np.random.default_rng(seed)
    n = len(judged.rows)
    data: dict[str, pa.Array] = {
        "channel": pa.array([("mail", "phone", "微信")[i] for i in rng.integers(0, 3, n)]),
        "amount": pa.array([None if rng.random() < 0.1 else float(v) for v in rng.gamma(2, 50, n)], pa.float64()),
        "member": pa.array(rng.random(n) < 0.5),
        "at": pa.array(1_700_000_000_000_000 + rng.integers(0, 10**13, n), pa.timestamp("us")),
        "text": pa.array(["快递还没有送到 " * int(k) + "please help" for k in rng.integers(1, 30, n)]),
    }
    kinds = {"channel": "category", "amount": "number", "member": "boolean", "at": "timestamp", "text": "text"}
    columns = [Column(name, kind) for name, kind in kinds.items()]
    if judged.target.kind == "classes":
        data["queue"] = pa.array([judged.target.labels[int(t)] for t in judged.truth])
        columns.append(Column("queue", "category", "target"))
    return Table.of(pa.table(data), Schema(tuple(columns)))


def facts(judged: Judged | None = None) -> dict[str, Any]:
    """Facts of a run as the report reads them, built from judged rows by the package's own functions."""
    from modelwright.core.words import Words
    from modelwright.evaluate import intervals
    from modelwright.evaluate.explain import importance, slices
    from modelwright.evaluate.metrics import chosen as metrics
    from modelwright.evaluate.plots import charts as plots

    judged = judged or of_classes()
    rows = table(judged)
    ranked = metrics.CLASSIFICATION[0]
    every = intervals.many([m for m in metrics.CLASSIFICATION if not m.per_label], judged, resamples=100)
    main = every[ranked.name]
    histories = {
        name: [{"loss": a / (i + 1) ** 0.5, "valid_loss": a / (i + 1) ** 0.5 + 0.02 * i, "macro_f1": 0.9 - a / (i + 2)} for i in range(n)]
        for name, a, n in (("textcnn", 1.0, 12), ("transformer", 1.3, 9))
    }  # fmt: skip
    drops = [
        importance.Importance(c, d, d - 0.02, d + 0.02) for c, d in (("text", 0.41), ("channel", 0.06), ("at", -0.001))
    ]
    drawn = [
        *plots.classification(judged),
        *plots.curves(histories, metrics.CLASSIFICATION),
        plots.importance_bars(drops, ranked.title),
    ]
    drawn.append(plots.data_curve([500, 1000, 2000], [0.71, 0.78, 0.82], Words("macro F1", "宏平均 F1")))
    mistakes = [m.to_json() for m in slices.confident_mistakes(rows, judged)]
    for m in mistakes[:6]:
        m["explanation"] = [
            {"column": "text", "start": 0, "end": 2, "text": "快递", "weight": 1.4},
            {"column": "text", "start": 2, "end": 5, "text": "还没有", "weight": -0.5},
            {"column": "channel", "start": None, "end": None, "text": "mail", "weight": 0.7},
        ]
    board = [
        ("linear + textcnn", "ensemble", 0.874, 0.846, 0.9, 2.2, 44.0, True),
        ("textcnn", "textcnn", 0.861, 0.832, 0.886, 1.9, 41.0, True),
        ("linear", "linear", 0.854, 0.827, 0.88, 0.3, 2.0, True),
        ("transformer", "transformer", 0.832, 0.801, 0.86, 4.0, 80.0, False),
        ("constant", "constant", 0.061, 0.055, 0.066, 0.01, 0.01, False),
    ]
    keys = ("name", "recipe", "value", "low", "high", "ms_per_row", "seconds", "winner")
    leaderboard: list[dict[str, Any]] = [
        {
            **dict(zip(keys, row, strict=True)),
            "batch_ms": row[5] / 4,
            "status": "ok",
            "metric": "macro_f1",
            "weight": 0.5 if row[-1] else None,
        }
        for row in board
    ]
    leaderboard[1]["options"] = {"width": 128, "dropout": 0.3}
    leaderboard.append(
        {
            "name": "lstm",
            "recipe": "lstm",
            "status": "failed",
            "reason": ["would need about 2m10s, 40s were left", "约需 2m10s，只剩 40s"],
        }
    )
    return {
        "name": "tickets", "modelwright": "0.1.0", "created": "2026-11-24 12:00", "task": "classification", "target": "queue",
        "metric": "macro_f1", "metric_title": list(ranked.title), "higher": True, "value": main.value, "low": main.low, "high": main.high,
        "asked": True, "met": True,
        "verdict": [f"Good enough: {main.value:.3f} macro_f1 (95 %: {main.low:.3f} - {main.high:.3f}); every condition of the gate is met.", f"达标：macro_f1 {main.value:.3f}（95%：{main.low:.3f} - {main.high:.3f}）；所有条件均满足。"],
        "advice": [["Serve it with `modelwright serve runs/tickets`.", "用 `modelwright serve runs/tickets` 提供服务。"]],
        "gate": [{"condition": "macro_f1>=0.7", "value": main.value, "low": main.low, "high": main.high, "met": True}, {"condition": "recall[退款]>=0.9", "value": 0.85, "low": 0.78, "high": 0.91, "met": False}],
        "baselines": [{"name": "constant", "difference": 0.78, "low": 0.74, "high": 0.81, "p": 0.001}, {"name": "linear", "difference": 0.02, "low": -0.004, "high": 0.045, "p": 0.11}],
        "leaderboard": leaderboard, "ms_per_row": 2.2, "batch_ms": 0.55, "winner": ["linear", "textcnn"], "refitted": True,
        "metrics": [{"name": m.name, "title": list(m.title), "higher": m.higher, "value": every[m.name].value, "low": every[m.name].low, "high": every[m.name].high} for m in metrics.CLASSIFICATION if not m.per_label],
        "columns": [c.to_json() for c in rows.schema] + [{"name": "ticket_no", "modality": "id", "role": "ignored", "reason": ["an identifier", "标识列"]}],
        "rows": {"read": 2140, "train": 1700, "valid": 340, "develop": 2040, "test": len(judged.rows), "folds": 1, "official": False},
        "findings": [
            {"code": "duplicates", "severity": "warning", "column": None, "words": ["14 rows are exact duplicates.", "有 14 行完全重复。"], "advice": ["They were dropped.", "已删除。"], "rows": [4, 19, 33], "drop_column": False},
            {"code": "leak", "severity": "error", "column": "closed_by", "words": ["`closed_by` gives the answer away.", "`closed_by` 泄露了答案。"], "advice": ["Leave it out with --ignore closed_by.", "用 --ignore closed_by 排除。"], "rows": [], "drop_column": True},
            {"code": "language", "severity": "info", "column": "text", "words": ["`text` is half English, half Chinese.", "`text` 中英文各半。"], "advice": ["", ""], "rows": [], "drop_column": False},
        ],
        "labels": list(judged.target.labels),
        "per_class": [p.to_json() for p in slices.per_class(judged)],
        "confusions": [p.to_json() for p in slices.confusion_pairs(judged)],
        "slices": [{"metric": ["accuracy", "准确率"], "column": "channel", "words": ["channel = 微信", "channel = 微信"], "rows": 61, "value": 0.71, "low": 0.6, "high": 0.79, "overall": main.value}],
        "mistakes": mistakes, "importance": [d.to_json() for d in drops],
        "plots": [{"name": p.name, "title": list(p.title), "says": list(p.says), "svg": p.svg} for p in drawn],
        "seconds": {"read": 0.4, "bundle": 171.0}, "budget": "3m",
        "environment": {"Python": "3.11.9", "system": "Linux", "cores": "2"}, "config": {"data": "tickets.csv", "target": "queue", "seed": 0, "budget": "3m"},
    }  # fmt: skip
