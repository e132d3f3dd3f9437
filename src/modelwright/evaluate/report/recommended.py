"""Tables of the report on recommendations: which items are shown at all, how popular, how varied, what could not be hit.

Legend: U users, I items, K items of a list, G groups.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix, diags

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.judged import Judged
from modelwright.core.schema import Related, Table
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.evaluate.metrics import beyond
from modelwright.recipes.shared.histories import Histories

_FIRST = 20
_LISTS = 3000  # lists at most of which pairs of items are compared
_GROUPS = 12  # of items that are shown in a table
_MOST = 60  # values of a column that make groups


def sections(judged: Judged, develop: Table, test: Table, user: str) -> list[Section]:
    """Return what the report shows of recommended lists; `user` is the column that names users."""
    target = judged.target
    if not isinstance(target, RankedCodec) or develop.schema.target is None or len(judged.rows) == 0:
        return []
    histories = Histories.of(develop, target)
    size = len(target.items)
    counts = histories.counts(size).astype(float)
    rows = dict(zip(test.rows.tolist(), test.column(user).to_pylist(), strict=True))
    names = [str(rows.get(r)) for r in judged.rows.tolist()]
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        first.setdefault(name, i)
    items = beyond.listed([judged.scores[i, 0].items for i in first.values()], _FIRST)
    places = histories.places(pa.array(list(first), pa.string()))
    had = [histories.of_user(p) if p >= 0 else np.empty(0, np.int32) for p in places.tolist()]
    related = develop.related.get("items")
    return [
        _data(judged, develop, test, user, size),
        _spread(items, counts, size),
        _beyond(items, had, counts, histories, target, related),
        *_exposure(items, counts, target, related),
    ]


def _data(judged: Judged, develop: Table, test: Table, user: str, size: int) -> Section:
    known = len(develop.column(user).unique())
    new_users = set(pc.unique(test.column(user)).to_pylist()) - set(pc.unique(develop.column(user)).to_pylist())
    missing = int((judged.truth < 0).sum())
    return Section(
        "events", Words("Users, items, events", "用户、物品与事件"),
        Words(
            f"{len(new_users):,} users of the test rows are new: they get what their columns tell, else popular items. {missing:,} of {len(judged.truth):,} held-out events are of items that the catalogue lacks, which count as missed.",
            f"测试数据中有 {len(new_users):,} 位新用户：按其列推荐，否则推荐热门物品。{len(judged.truth):,} 个留出事件中有 {missing:,} 个涉及目录中没有的物品，一律计为未命中。",
        ),
        (Words("users", "用户"), Words("items", "物品"), Words("events", "事件"), Words("events per user", "人均事件")),
        [[f"{known:,}", f"{size:,}", f"{len(develop):,}", f"{len(develop) / max(1, known):.1f}"]],
    )  # fmt: skip


def _spread(items: np.ndarray, counts: np.ndarray, size: int) -> Section:
    shown = items[items >= 0]
    times = np.bincount(shown, minlength=size)
    head = counts >= np.sort(counts)[::-1][: max(1, size // 5)].min()
    of_head = float(head[shown].mean()) if len(shown) else 0.0
    had_head = float(counts[head].sum() / max(1.0, counts.sum()))
    new = counts == 0
    cold = float(new[shown].mean()) if len(shown) else 0.0
    return Section(
        "exposure", Words("Which items are shown", "哪些物品得到展示"),
        Words(
            f"Among the first {_FIRST} of {len(items):,} lists. The most popular fifth of the items had {had_head:.0%} of the events and gets {of_head:.0%} of the places. {int(new.sum()):,} items had no event in training; they get {cold:.1%} of the places.",
            f"统计 {len(items):,} 份列表的前 {_FIRST} 位。最热门的五分之一物品占事件的 {had_head:.0%}，占推荐位的 {of_head:.0%}。有 {int(new.sum()):,} 个物品在训练中没有事件，占推荐位的 {cold:.1%}。",
        ),
        (
            Words("items shown (coverage)", "得到展示的物品（覆盖率）"),
            Words("places of the popular fifth", "热门五分之一的占位"), Words("inequality (Gini)", "不均衡度（基尼系数）"),
        ),
        [[f"{beyond.coverage(items, size):.1%}", f"{of_head:.0%}", f"{beyond.gini(times):.2f}"]],
    )  # fmt: skip


def _beyond(
    items: np.ndarray, had: list[np.ndarray], counts: np.ndarray, histories: Histories, target: RankedCodec,
    related: Related | None,
) -> Section:  # fmt: skip
    features, by = _features(histories, target, related)
    told = [
        (Words("novelty (bits)", "新颖度（比特）"), _with_interval(beyond.novelty(items, counts))),
        (Words("popularity (events per item)", "热度（每物品事件数）"), _with_interval(beyond.popularity(items, counts))),
        (Words("more popular than what was had", "比用户历史更热门"), _with_interval(beyond.popularity_lift(items, had, counts), share=True)),
        (Words(f"diversity (by {by.en})", f"多样性（按{by.zh}）"), _with_interval(beyond.diversity(items[:_LISTS], features))),
    ]  # fmt: skip
    group = _groups(target, related)
    if group is not None:
        off = beyond.calibration(items, had, group[1], len(group[2]))
        told.append(
            (Words(f"off the user's `{group[0]}` (bits)", f"偏离用户的“{group[0]}”分布（比特）"), _with_interval(off))
        )
    return Section(
        "beyond", Words("What the lists are like", "列表的性质"),
        Words(
            "Means over users, below them 95 % intervals from drawing users anew. Diversity is one minus the mean likeness of two items of a list; a calibrated list differs by 0 bits from what its user had.",
            "按用户取平均，下一行为对用户重抽样得到的 95% 区间。多样性为 1 减去列表中两物品的平均相似度；与用户历史分布一致的列表相差 0 比特。",
        ),
        tuple(words for words, _ in told),
        [[mean for _, (mean, _) in told], [ends for _, (_, ends) in told]],
    )  # fmt: skip


def _with_interval(values: np.ndarray, *, share: bool = False) -> tuple[str, str]:
    """Return a mean over users and its interval as text."""
    found = beyond.interval(values)
    if not np.isfinite(found[0]):
        return "–", "–"
    mean, low, high = (f"{v:+.0%}" if share else f"{v:,.3g}" for v in found)
    return mean, f"{low} … {high}"


def _features(histories: Histories, target: RankedCodec, related: Related | None) -> tuple[csr_matrix, Words]:
    """Return features of items [I, D] with rows of length 1, by columns where there are any, else by who had them."""
    from modelwright.recipes.shared.columns import ColumnCodecs
    from modelwright.recipes.shared.described import Described, readable

    if related is not None and readable(related):
        found = Described(ColumnCodecs.fit(related.table, "sparse", None, 0)[0])
        matrix = found.encode(related.lines(pa.array(list(target.items), pa.string())))
        by = Words("columns of the items", "物品的列")
    else:
        matrix, by = csr_matrix(histories.matrix(len(target.items)).T), Words("who had them", "共同用户")
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags(np.where(length > 0, 1 / np.maximum(length, 1e-9), 0)) @ matrix), by


def _groups(target: RankedCodec, related: Related | None) -> tuple[str, np.ndarray, list[str]] | None:
    """Return the column of items with the fewest values that repeat, the group of each item [I], and the groups' names."""
    best: tuple[int, str, Any] | None = None
    for column in related.inputs if related is not None else ():
        if column.modality != "category" or related is None:
            continue
        values = related.lines(pa.array(list(target.items), pa.string())).column(column.name).dictionary_encode()
        if 2 <= len(values.dictionary) <= _MOST and (best is None or len(values.dictionary) < best[0]):
            best = (len(values.dictionary), column.name, values)
    if best is None:
        return None
    return (
        best[1],
        np.asarray(best[2].indices.fill_null(-1), np.int64),
        [str(v) for v in best[2].dictionary.to_pylist()],
    )


def _exposure(items: np.ndarray, counts: np.ndarray, target: RankedCodec, related: Related | None) -> list[Section]:
    found = _groups(target, related)
    if found is None:
        return []
    name, group, names = found
    shown = beyond.exposure(items, group, len(names))
    known = group >= 0
    had = np.bincount(group[known], weights=counts[known], minlength=len(names))
    had = had / max(1.0, had.sum())
    of_items = np.bincount(group[known], minlength=len(names)) / max(1, int(known.sum()))
    order = np.argsort(-had)[:_GROUPS]
    rows = [[names[g], f"{of_items[g]:.1%}", f"{had[g]:.1%}", f"{shown[g]:.1%}"] for g in order.tolist()]
    return [
        Section(
            "groups", Words(f"Attention by `{name}`", f"按“{name}”划分的曝光"),
            Words(
                "Of items, of the events in training, and of the attention that lists give, where a place counts one over the logarithm of its rank.",
                "分别占物品、训练事件与列表曝光的比例；名次越靠后，曝光按对数递减。",
            ),
            (Words(name, name), Words("of the items", "占物品"), Words("of the events", "占事件"), Words("of the attention", "占曝光")),
            rows,
        )
    ]  # fmt: skip
