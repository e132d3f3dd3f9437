"""Tables of the report on recommendations: which items are shown at all, how popular they are, what could not be hit.

Legend: U users, I items.
"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.judged import Judged
from modelwright.core.schema import Table
from modelwright.core.task import Section
from modelwright.core.words import Words

_FIRST = 20


def sections(judged: Judged, develop: Table, test: Table, user: str) -> list[Section]:
    """Return what the report shows of recommended lists; `user` is the column that names users."""
    target = judged.target
    item = develop.schema.target
    if not isinstance(target, RankedCodec) or item is None or len(judged.rows) == 0:
        return []
    size = len(target.items)
    counts = np.bincount(np.maximum(target.encode(develop.column(item.name)), 0), minlength=size).astype(float)
    lists = {id(r): r for r in judged.scores[:, 0]}.values()
    shown = np.concatenate([r.items[:_FIRST] for r in lists] or [np.empty(0, int)]).astype(int)
    times = np.bincount(shown, minlength=size)
    known = len(develop.column(user).unique())
    share = counts / max(1.0, counts.sum())
    novelty = float(-np.log2(np.maximum(share[shown], 1e-12)).mean()) if len(shown) else 0.0
    head = counts >= np.sort(counts)[::-1][: max(1, size // 5)].min()
    of_head, had_head = (
        (float(head[shown].mean()) if len(shown) else 0.0),
        float(counts[head].sum() / max(1.0, counts.sum())),
    )
    new_users = set(pc.unique(test.column(user)).to_pylist()) - set(pc.unique(develop.column(user)).to_pylist())
    missing = int((judged.truth < 0).sum())
    rows = [
        [f"{known:,}", f"{size:,}", f"{len(develop):,}", f"{len(develop) / max(1, known):.1f}"],
    ]
    data = Section(
        "events", Words("Users, items, events", "用户、物品与事件"),
        Words(
            f"{len(new_users):,} users of the test rows are new: they get popular items. {missing:,} of {len(judged.truth):,} held-out events are of items that no training row has, which count as missed.",
            f"测试数据中有 {len(new_users):,} 位新用户，为其推荐热门物品。{len(judged.truth):,} 个留出事件中有 {missing:,} 个涉及训练数据中没有的物品，一律计为未命中。",
        ),
        (Words("users", "用户"), Words("items", "物品"), Words("events", "事件"), Words("events per user", "人均事件")),
        rows,
    )  # fmt: skip
    gini = _gini(times)
    spread = Section(
        "exposure", Words("Which items are shown", "哪些物品得到展示"),
        Words(
            f"Among the first {_FIRST} of {len(lists):,} lists. The most popular fifth of the items had {had_head:.0%} of the events and gets {of_head:.0%} of the places.",
            f"统计 {len(lists):,} 份列表的前 {_FIRST} 位。最热门的五分之一物品占事件的 {had_head:.0%}，占推荐位的 {of_head:.0%}。",
        ),
        (
            Words("items shown (coverage)", "得到展示的物品（覆盖率）"), Words("novelty (bits)", "新颖度（比特）"),
            Words("places of the popular fifth", "热门五分之一的占位"), Words("inequality (Gini)", "不均衡度（基尼系数）"),
        ),
        [[f"{(times > 0).mean():.1%}", f"{novelty:.2f}", f"{of_head:.0%}", f"{gini:.2f}"]],
    )  # fmt: skip
    return [data, spread]


def _gini(times: np.ndarray) -> float:
    """Return how unevenly places are given to items: 0 evenly, 1 all to one."""
    ordered = np.sort(times.astype(float))
    total = ordered.sum()
    if total == 0:
        return 0.0
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))
