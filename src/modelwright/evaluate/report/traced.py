"""Tables of the report on traced knowledge: how well each skill's answers are foretold, and whether practice moves chances upward.

Legend: N rows, K skills.
"""

from __future__ import annotations

import numpy as np

from modelwright.core.judged import Judged
from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.data.learners import in_order, skill_column
from modelwright.evaluate.by_unit import first_id
from modelwright.evaluate.metrics.chosen import auc
from modelwright.evaluate.metrics.tracing import steadiness
from modelwright.recipes.shared.tracing import TraceModel, answers_of

_SHOWN, _LEAST = 20, 20  # skills of the table, and answers that one must have


def sections(model: Model, judged: Judged, develop: Table, test: Table) -> list[Section]:
    """Return what the report shows of answers foretold; `judged` holds the rows of `test`."""
    if not isinstance(model, TraceModel) or len(judged.rows) == 0:
        return []
    place = {int(row): i for i, row in enumerate(test.rows)}
    at = np.array([place[int(row)] for row in judged.rows])
    chances = np.full(len(test), np.nan)
    truth = np.full(len(test), -1)
    chances[at], truth[at] = judged.scores[:, 1], judged.truth
    return [_by_skill(develop, test, chances, truth), _practice(model, test, chances, truth)]


def _by_skill(develop: Table, test: Table, chances: np.ndarray, truth: np.ndarray) -> Section:
    name = skill_column(test.schema).name
    coded = test.column(name).dictionary_encode()
    skill = np.asarray(coded.indices.fill_null(-1), np.int64)
    seen = set(develop.column(name).unique().to_pylist())
    names = coded.dictionary.to_pylist()
    new = sum(n not in seen for n in names)
    rows, few = [], 0
    for i, label in enumerate(names):
        some = np.flatnonzero((skill == i) & (truth >= 0))
        area = auc(truth[some] == 1, chances[some]) if len(some) >= _LEAST else float("nan")
        if not np.isfinite(area):
            few += 1
            continue
        p = np.clip(chances[some], 1e-9, 1 - 1e-9)
        loss = -np.where(truth[some] == 1, np.log(p), np.log1p(-p)).mean()
        cells = [
            label, f"{len(some):,}", f"{(truth[some] == 1).mean():.0%}", f"{p.mean():.0%}", f"{area:.3f}", f"{loss:.3f}",
        ]  # fmt: skip
        rows.append((area, cells))
    rows.sort(key=lambda r: r[0])
    learners = len(np.unique(first_id(test)))
    return Section(
        "skills", Words("Skills, the hardest to foretell first", "各技能的预测效果（最难预测的在前）"),
        Words(
            f"{learners:,} learners and {len(names):,} skills in the test rows, {new:,} of them in no training row. The {min(len(rows), _SHOWN)} of {len(rows):,} skills whose answers are foretold worst; {few:,} have too few answers to tell.",
            f"测试数据含 {learners:,} 名学习者、{len(names):,} 个技能，其中 {new:,} 个未在训练数据中出现。下表为 {len(rows):,} 个技能中预测最差的 {min(len(rows), _SHOWN)} 个；另有 {few:,} 个技能作答太少，无法评估。",
        ),
        (
            Words("skill", "技能"), Words("answers", "作答数"), Words("right", "正确率"), Words("foretold", "预测正确率"),
            Words("ROC AUC", "ROC 曲线下面积"), Words("log loss", "对数损失"),
        ),
        [cells for _, cells in rows[:_SHOWN]],
    )  # fmt: skip


def _practice(model: TraceModel, test: Table, chances: np.ndarray, truth: np.ndarray) -> Section:
    after = _next_in_skill(test)
    held, steps = steadiness(chances, truth, after)
    answers, rows = answers_of(test, model.skills)
    known = np.empty(len(test))
    known[rows] = model.bkt.before(answers.by_skill, answers.skills, answers.right)
    # mastery lives by skill, whatever lies between two answers
    nearest = np.full(len(test), -1)
    order = answers.by_skill.order
    same = answers.by_skill.number[order][1:] == answers.by_skill.number[order][:-1]
    nearest[rows[order[:-1][same]]] = rows[order[1:][same]]
    held_known, steps_known = steadiness(known, truth, nearest)

    def share(a: int, b: int) -> str:
        return f"{a / b:.1%}" if b else "-"

    return Section(
        "practice", Words("After a right answer", "答对之后"),
        Words(
            "How often the chance of a right answer, at a next question in the same skill, and mastery of the skill, do not fall after a right answer.",
            "答对之后，同一技能下一题的预测正确率与该技能的掌握度没有下降的比例。",
        ),
        (Words("measure", "度量"), Words("right answers looked at", "答对次数"), Words("does not fall", "未下降")),
        [
            [Words("chance of a right answer", "预测正确率").en, f"{steps:,}", share(held, steps)],
            [Words("mastery", "掌握度").en, f"{steps_known:,}", share(held_known, steps_known)],
        ],
    )  # fmt: skip


def _next_in_skill(table: Table) -> np.ndarray:
    """Return for each row [N] the row that comes right after it for its learner, where that is of the same skill; else -1."""
    order, learner = in_order(table)
    coded = table.column(skill_column(table.schema).name).dictionary_encode().indices.fill_null(-1)
    skill = np.asarray(coded, np.int64)[order]
    who = learner[order]
    same = (who[1:] == who[:-1]) & (skill[1:] == skill[:-1])
    out = np.full(len(table), -1)
    out[order[:-1][same]] = order[1:][same]
    return out
