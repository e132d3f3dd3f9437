"""What is told of drift: by column whether it changed, how much, since when, and what to do.

| state | meaning |
|---|---|
| steady | nothing speaks against the rows being like those of training |
| tiny | a change is certain, and too small to matter; no alarm |
| drifted | a change is certain and large: an alarm |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from modelwright.core.words import Words
from modelwright.evaluate.drift.distances import compare, distance, effect, mmd
from modelwright.evaluate.drift.figures import Figure
from modelwright.evaluate.drift.reference import Reference, Tally
from modelwright.evaluate.drift.sequential import Watch
from modelwright.evaluate.drift.units import unit_words

ALPHA = 0.05  # of false alarms, over all columns and all looks of a release together
_RECENT = 250  # rows that tell whether a change goes on
State = Literal["steady", "tiny", "drifted"]


@dataclass(frozen=True)
class Verdict:
    """What is known of one column, or one part of the answers. `counts` [B] are those of `figure`, which changed most."""

    name: str  # of the column, or `label`, `confidence`, ... of answers
    role: Literal["input", "answer"]
    state: State
    figure: Figure
    counts: np.ndarray
    test: str
    effect: float
    certainty: float  # wealth over what an alarm needs (sequential), or a corrected p-value (one look)
    rows: int
    since: float | None  # seconds since 1970; None where one file was looked at
    note: Words | None = None  # what seems to have happened

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        measure, apart = distance(self.figure, self.counts)
        return {
            "measure": measure, "distance": round(apart, 4), "column": self.name, "role": self.role, "state": self.state, "part": self.figure.part, "test": self.test,
            "effect": round(self.effect, 4), "certainty": self.certainty, "rows": self.rows, "since": self.since,
            "before": [round(float(s), 5) for s in self.figure.shares], "after": _shares(self.counts),
            "edges": list(self.figure.edges), "values": list(self.figure.values),
            "note": self.note._asdict() if self.note else None, "advice": advice(self)._asdict(),
        }  # fmt: skip


def _shares(counts: np.ndarray) -> list[float]:
    total = counts.sum()
    return [round(float(c / total), 5) if total else 0.0 for c in counts]


def watched(reference: Reference, watch: Watch, tally: Tally | None = None) -> list[Verdict]:
    """Return a verdict for each column and part of the answers from the running test."""
    groups = reference.groups
    threshold = np.log(len(groups) / ALPHA) if groups else 0.0
    out = []
    for (key, members), evidence in zip(groups.items(), watch.evidence(list(groups.values()))):
        window = watch.window(evidence.since)
        effects = {i: effect(reference.figures[i], window[i, : reference.figures[i].bins]) for i in members}
        # of several figures that which exceeds what is let pass by most
        most = max(members, key=lambda i: effects[i] / reference.figures[i].least)
        figure = reference.figures[most]
        certain = evidence.log_wealth >= threshold
        # a change that is over counts no more: the rows since a recent beginning must show it too
        still = effect(figure, watch.window(watch.recent(_RECENT))[most, : figure.bins]) >= figure.least / 2
        large = effects[most] >= figure.least and still
        state: State = "drifted" if certain and large else "tiny" if certain else "steady"
        began = watch.began[evidence.since]
        counts = window[most, : figure.bins]
        certainty = float(np.exp(min(50.0, evidence.log_wealth - threshold)))
        note = note_of(reference, figure, counts, tally) if state == "drifted" else None
        role, _, name = key.partition(":")
        out.append(
            Verdict(
                name, "input" if role == "column" else "answer", state, figure, counts, "conformal martingale", effects[most],
                certainty, watch.rows - began.rows, began.at or None, note,
            )
        )  # fmt: skip
    return out


def looked(reference: Reference, binned: np.ndarray, tally: Tally) -> list[Verdict]:
    """Return a verdict for each column and part of the answers from one look at rows counted by bin [F, B]: tests by kind,
    corrected by Holm.
    """
    found = []
    for key, members in reference.groups.items():
        tested = []
        for i in members:
            figure = reference.figures[i]
            counts = binned[i, : figure.bins]
            tested.append((compare(figure, counts), figure, counts))
        p = min(1.0, min(t.p for t, _, _ in tested) * len(tested))
        best, figure, counts = max(tested, key=lambda t: t[0].effect / t[1].least)
        role, _, name = key.partition(":")
        test = best.test
        if role == "column" and (embedded := _embedding(reference, name, tally)) is not None and embedded < p:
            p, test = embedded, "mmd"
        found.append((key, p, test, best, figure, counts))
    order = sorted(range(len(found)), key=lambda i: found[i][1])
    corrected: dict[int, float] = {}
    most = 0.0
    for rank, i in enumerate(order):  # Holm 1979
        most = max(most, min(1.0, found[i][1] * (len(found) - rank)))
        corrected[i] = most
    out = []
    for i, (key, _, test, best, figure, counts) in enumerate(found):
        certain, large = corrected[i] <= ALPHA, best.effect >= figure.least
        state: State = "drifted" if certain and large else "tiny" if certain else "steady"
        note = note_of(reference, figure, counts, tally) if state == "drifted" else None
        role, _, name = key.partition(":")
        out.append(
            Verdict(
                name, "input" if role == "column" else "answer", state, figure, counts, test, best.effect, corrected[i],
                best.rows, None, note,
            )
        )  # fmt: skip
    return out


def _embedding(reference: Reference, column: str, tally: Tally) -> float | None:
    """Return the p-value of the maximum mean discrepancy of a column's projection; None where it has none."""
    reader = next((r for r in reference.readers if r.column == column), None)
    sums = tally.fourier.get(column)
    if reader is None or sums is None or not reader.fourier or sums[-1] < 2:
        return None
    return mmd(np.asarray(reader.fourier), reader.rows, sums[:-1] / sums[-1], int(sums[-1]), np.asarray(reader.spread))[
        1
    ]


def note_of(reference: Reference, figure: Figure, counts: np.ndarray, tally: Tally | None) -> Words | None:
    """Return what seems to have happened to a figure that changed to `counts` [B], in one clause; None where nothing plain fits."""
    share = counts / max(1, counts.sum())
    if figure.part == "state":
        gone, unread = share[1] - figure.shares[1], share[2] - figure.shares[2]
        if unread >= gone:
            return Words(f"{share[2]:.0%} of the cells cannot be read", f"{share[2]:.0%} 的单元格无法读取")
        return Words(
            f"{share[1]:.0%} of the cells are missing, {figure.shares[1]:.0%} in training",
            f"{share[1]:.0%} 的单元格缺失，训练数据中为 {figure.shares[1]:.0%}",
        )
    if figure.role == "input" and figure.kind == "shares" and share[-1] - figure.shares[-1] >= figure.least / 2:
        return Words(
            f"{share[-1]:.0%} of the values are rare or unknown to the model, {figure.shares[-1]:.0%} in training",
            f"{share[-1]:.0%} 的取值罕见或模型未见过，训练数据中为 {figure.shares[-1]:.0%}",
        )
    reader = next((r for r in reference.readers if r.column == figure.column), None)
    if figure.part == "value" and reader is not None and reader.moments and tally is not None:
        sums = tally.moments.get(figure.column)
        if sums is not None and (words := unit_words(reader.moments, sums)) is not None:
            return Words(f"the numbers look {words.en}", f"数值看起来{words.zh}")
    if figure.kind == "ordered" and not figure.part.startswith("sketch"):
        moved = float(np.cumsum(figure.shares - share)[:-1].sum())
        up = Words("values are higher than in training", "取值比训练数据偏高")
        return up if moved > 0 else Words("values are lower than in training", "取值比训练数据偏低")
    return None


def advice(verdict: Verdict) -> Words:
    """Return what to do, in plain words."""
    if verdict.state == "steady":
        return Words("Nothing to do.", "无需处理。")
    if verdict.state == "tiny":
        return Words("The change is certain but small: nothing to do now.", "变化确实存在但很小：暂无需处理。")
    if verdict.role == "answer":
        return Words(
            "See which columns changed. Where none did, ask people for the right answers to some rows and compare.",
            "先看哪些列发生了变化；若没有，请人工核对部分数据的正确答案。",
        )
    if verdict.figure.part == "state":
        return Words(
            "Look at where the column comes from: a field may have been renamed, left out, or be written in another way.",
            "请检查该列的来源：字段可能已改名、被省略或换了写法。",
        )
    if verdict.note is not None and verdict.note.en.startswith("the numbers look"):
        return Words("Send the numbers in the unit of the training data.", "请按训练数据的单位提供数值。")
    return Words(
        "If the change is meant to stay, collect right answers to new rows and train again; otherwise look at where the column comes from.",
        "若该变化将持续，请为新数据收集正确答案并重新训练；否则请检查该列的来源。",
    )


def overall(verdicts: list[Verdict]) -> State:
    """Return the gravest state."""
    states: Mapping[State, int] = {"steady": 0, "tiny": 1, "drifted": 2}
    return max((v.state for v in verdicts), key=lambda s: states[s], default="steady")
