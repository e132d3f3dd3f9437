"""Demand of a shop: what will be asked for in the next two weeks, and how much to order."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table

_DAYS = 240
_BEGIN = dt.date(2026, 1, 1)
# what is sold in a branch on a usual day, by how much more at weekends, by what part a lower price raises it
_GOODS = {"bread": (80, 0.3, 0.4), "salad": (35, -0.2, 0.8), "cake": (18, 0.9, 1.2)}
_PRICES = {"bread": 3.2, "salad": 5.5, "cake": 14.0}
_BRANCHES = {"market": 1.3, "station": 0.8}


def _sales(rng: random.Random) -> list[tuple[str, str, str, float, int]]:
    """Return branch, good, date, price and pieces sold: a weekly pattern, a slow rise, offers now and then."""
    out = []
    for branch, size in _BRANCHES.items():
        for good, (usual, weekend, bend) in _GOODS.items():
            left = 0
            for day in range(_DAYS):
                when = _BEGIN + dt.timedelta(days=day)
                if left == 0 and rng.random() < 0.03:
                    left = 4  # days of an offer
                price = _PRICES[good] * (0.8 if left else 1.0)
                left = max(0, left - 1)
                week = 1 + weekend * (when.weekday() >= 5) + 0.08 * math.sin(when.weekday())
                mean = usual * size * week * (1 + 0.001 * day) * (_PRICES[good] / price) ** (3 * bend)
                sold = max(0, round(rng.gauss(mean, 1.5 * math.sqrt(mean))))
                out.append((branch, good, when.isoformat(), round(price, 2), sold))
    return out


def _files() -> Mapping[str, str | bytes]:
    head = ["branch", "good", "date", "price", "sold"]
    return {"sales.csv": table(head, _sales(random.Random(11)))}


PROJECT = Project(
    title=Words("Demand and orders of a bakery", "面包店的需求与订货"),
    about=Words(
        "Forecasts what two branches of a made-up bakery will sell in the next 14 days, with intervals, and says how much to bake: a piece "
        "too many costs 1, one too few 3.",
        "预测一家虚构面包店两个分店未来 14 天的销量并给出区间，同时给出应备数量：多一件的代价为 1，少一件为 3。",
    ),
    data=Words(
        f"`sales.csv`: pieces of three goods sold in two branches on each of {_DAYS} days, with the price of the day. All of it was made for this "
        "example: a weekly pattern, a slow rise, days of offers on which more is sold, and chance.",
        f"`sales.csv`：两个分店、三种商品在 {_DAYS} 天里的每日销量与当日价格。数据均为本示例编写：含每周规律、缓慢上升、促销日销量增加以及随机波动。",
    ),
    own=Words(
        "Export one line for each day (or week, or month) and good with the columns that tell series apart, the time, and what was sold; columns known "
        "ahead, such as prices, are named under `known`. Put what a piece too many and one too few cost you under `too_much` and `too_little`. New sales "
        "count without training again: `POST /forecast`, or `modelwright predict runs/demand-forecast new.csv`.",
        "导出每天（或每周、每月）每种商品一行，含区分序列的列、时间和销量；未来已知的列（如价格）写在 `known` 下。将多一件与少一件的代价写在 `too_much` 与 `too_little` 下。"
        "新的销量无需重新训练即可生效：`POST /forecast`，或 `modelwright predict runs/demand-forecast new.csv`。",
    ),
    task="time-series-forecasting",
    settings={
        "data": "sales.csv", "target": "sold", "time": "date", "key": ["branch", "good"], "known": ["price"], "horizon": 14,
        "too_much": 1.0, "too_little": 3.0, "budget": "40s", "gate": "mase<=0.9",
    },
    files=_files,
    forecasts=True,
    asks=(
        {"branch": "market", "good": "bread", "date": "2026-08-29", "price": 3.2, "sold": 171},
        {"branch": "station", "good": "cake", "date": "2026-08-29", "price": 11.2, "sold": 60},
    ),
)  # fmt: skip
