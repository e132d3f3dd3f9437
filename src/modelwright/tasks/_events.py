"""What tasks over events share: the usual names of their columns, and which events are held out.

Legend: N rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words

USER = frozenset("user userid uid customer customerid member memberid visitor visitorid session sessionid reviewerid learner "
                  "buyer buyerid client clientid account accountid "
                  "用户 用户id 用户编号 客户 客户id 客户编号 客户号 会员 会员id 会员号 会员编号 顾客 顾客id 顾客编号 买家 买家id".split())  # fmt: skip
ITEM = frozenset("item itemid iid movie movieid product productid parentasin asin sku article articleid content contentid ad adid "
                  "book bookid isbn song songid track trackid video videoid business businessid stockcode productcode itemcode goods goodsid "
                  "物品 物品id 物品编号 商品 商品id 商品编号 商品编码 商品代码 货号 视频 视频id 课程 电影 歌曲 内容 广告".split())  # fmt: skip
RATING = frozenset("rating ratings stars score 评分 打分 星级".split())
TIME = frozenset("time timestamp date datetime createdat eventtime unixreviewtime orderdate ordertime invoicedate purchasedate purchasetime "
                  "createtime eventdate 时间 日期 时间戳 发生时间 下单时间 下单日期 购买时间 购买日期 交易时间 创建时间 浏览时间 点击时间".split())  # fmt: skip
CLICK = frozenset(
    "click clicked isclick isclicked label clickthrough converted conversion purchased liked 点击 是否点击 已点击 转化 是否购买".split()
)


def named(names: Iterable[str], usual: frozenset[str]) -> str | None:
    """Return the first name that is a usual one, whatever its case and marks."""
    return next((n for n in names if re.sub(r"[\s_\-.]+", "", n).lower() in usual), None)


def time_named(schema: Schema, names: Sequence[str], usual: frozenset[str]) -> str | None:
    """Return the column of times among these: one of a usual name, else the only one that holds times; None where there is none."""
    stamps = [n for n in names if schema[n].modality == "timestamp"]
    return named(names, usual) or (stamps[0] if len(stamps) == 1 else None)


def as_time(column: Column, asked: bool) -> dict[str, Any]:
    """Return what makes a column that of times. Raises OptionError for one that was asked for and holds none."""
    if column.modality in ("timestamp", "number"):
        return {"role": "time", "reason": None}
    if column.modality == "id":  # running numbers, or seconds of which no two are equal
        return {"modality": "number", "role": "time", "options": {}, "reason": None}
    if not asked:
        return {"role": "ignored", "reason": Words("holds no times", "不是时间")}
    raise no_times(column)


def no_times(column: Column) -> OptionError:
    """Return the error of a column that was named with --time and holds no times."""
    return OptionError(
        f"--time names a column of times or numbers; `{column.name}` holds {column.modality}.",
        f"--time 应为时间列或数值列；`{column.name}` 的类型为 {column.modality}。",
    )


def times_of(table: Table, columns: Sequence[Column]) -> np.ndarray | None:
    """Return when each event was [N], in any unit, by the first of these columns; None where there is none."""
    return table.moments(columns[0].name) if columns else None


def held(
    rows: np.ndarray, users: np.ndarray, times: np.ndarray | None, way: str, share: float, seed: int
) -> np.ndarray:
    """Return the rows to hold out of `rows` [N]; a user's last remaining event is never held out where users are looked at."""
    if len(rows) == 0:
        return rows
    if way == "time" and times is not None:
        cut = np.quantile(times[rows], 1 - share)
        late = rows[times[rows] > cut]
        return np.sort(late if len(late) else rows[np.argsort(times[rows], kind="stable")][-1:])
    rank = times[rows] if way == "last" and times is not None else np.arange(len(rows), dtype=float)
    if way == "random":
        rank = np.random.default_rng(seed).permutation(len(rows)).astype(float)
    order = np.lexsort((rank, users[rows]))
    who = users[rows][order]
    ends = np.flatnonzero(np.r_[who[1:] != who[:-1], True])
    begins = np.r_[0, ends[:-1] + 1]
    counts = ends - begins + 1
    out = np.where(counts < 2, 0, 1 if way == "last" else np.maximum(1, np.round(share * counts)).astype(int))
    if way == "random":
        out = np.where(counts < 3, 0, out)
    chosen = np.concatenate([np.arange(e - h + 1, e + 1) for e, h in zip(ends, out)] or [np.empty(0, int)])
    return np.sort(rows[order[chosen.astype(int)]])
