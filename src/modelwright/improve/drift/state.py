"""What is known of one version's rows so far: the running test and the counts beside it, as it is kept and read again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from modelwright.core import plain_json
from modelwright.core.words import Words
from modelwright.evaluate.drift.labels import LabelShares, label_shares
from modelwright.evaluate.drift.performance import MOST_OUTSIDE, Performance, expected_accuracy
from modelwright.evaluate.drift.reference import Reference, Tally
from modelwright.evaluate.drift.sequential import Watch
from modelwright.evaluate.drift.verdicts import Verdict, watched

_RECENT = 2000  # rows after which older ones weigh half as much in estimates of what is the case now


def digest(reference: Reference) -> str:
    """Return what tells references apart."""
    return hashlib.sha256(plain_json.dumps(reference.to_json()).encode()).hexdigest()[:32]


@dataclass
class DriftState:
    """The running test of one version, a tally that forgets slowly, and how many rows were not looked at."""

    reference: Reference
    watch: Watch
    tally: Tally = field(default_factory=Tally)
    skipped: int = 0  # rows that came faster than they are looked at
    unknown: int = 0  # fields of rows that the model does not know

    @classmethod
    def new(cls, reference: Reference) -> DriftState:
        """Return the state before the first row."""
        return cls(reference, Watch(reference.figures))

    def add(self, codes: np.ndarray, tally: Tally, rng: np.random.Generator, at: float) -> None:
        """Take rows: their bins [N, F], what was counted of them, and when (seconds since the epoch)."""
        self.watch.add(codes, rng, at)
        self.tally.scale(0.5 ** (len(codes) / _RECENT))
        self.tally.add(tally)

    def verdicts(self) -> list[Verdict]:
        """Return a verdict by column and part of the answers."""
        return watched(self.reference, self.watch, self.tally)

    def performance(self) -> Performance | None:
        """Return the accuracy to expect of recent answers; None where the task or the reference gives none."""
        return performance_of(self.reference, self.tally)

    def labels(self) -> LabelShares | None:
        """Return the shares of labels to expect in recent rows; None as in `performance`."""
        return labels_of(self.reference, self.tally)

    def to_bytes(self) -> tuple[dict[str, Any], bytes]:
        """Return the state as JSON values and safetensors."""
        about, arrays = self.watch.state()
        about |= {"skipped": self.skipped, "unknown": self.unknown, "recent": [self.tally.rows, self.tally.outside]}
        for kind in ("fourier", "moments"):
            for i, reader in enumerate(self.reference.readers):
                if (value := getattr(self.tally, kind).get(reader.column)) is not None:
                    arrays[f"{kind}.{i}"] = np.asarray(value, np.float64)
        if self.tally.places is not None:
            arrays["places now"] = np.asarray(self.tally.places, np.float64)
        return about, save_arrays({n: np.ascontiguousarray(a) for n, a in arrays.items()})

    @classmethod
    def from_bytes(cls, reference: Reference, about: Mapping[str, Any], data: bytes) -> DriftState:
        """Read what `to_bytes` gave. Raises KeyError or ValueError where it belongs to another reference."""
        arrays = load_arrays(data)
        state = cls(reference, Watch(reference.figures).restored(about, arrays))
        state.skipped, state.unknown = int(about["skipped"]), int(about["unknown"])
        state.tally.rows, state.tally.outside = about["recent"]
        for kind in ("fourier", "moments"):
            for i, reader in enumerate(reference.readers):
                if (value := arrays.get(f"{kind}.{i}")) is not None:
                    getattr(state.tally, kind)[reader.column] = value
        state.tally.places = arrays.get("places now")
        return state


def performance_of(reference: Reference, tally: Tally) -> Performance | None:
    """Return the accuracy to expect of the answers that a tally counted."""
    answers = reference.answers
    if answers is None or answers.asked is None or answers.right is None or tally.places is None:
        return None
    strange = tally.outside / max(1, tally.rows) - reference.outside
    return expected_accuracy(answers.right, answers.asked, tally.places, strange)


def labels_of(reference: Reference, tally: Tally) -> LabelShares | None:
    """Return the shares of labels to expect of the rows that a tally counted."""
    answers = reference.answers
    if answers is None or answers.confusion is None or tally.places is None:
        return None
    if (
        tally.outside / max(1, tally.rows) - reference.outside > MOST_OUTSIDE
    ):  # then more than shares of labels has changed
        return None
    return label_shares(answers.labels, answers.confusion, tally.places.sum(axis=1))


def summary(verdicts: list[Verdict], performance: Performance | None, labels: LabelShares | None) -> dict[str, Any]:
    """Return what is known as JSON values."""
    return {
        "columns": [v.to_json() for v in verdicts],
        "performance": None
        if performance is None
        else {
            "accuracy": round(performance.accuracy, 4), "low": round(performance.low, 4), "high": round(performance.high, 4),
            "before": round(performance.before, 4), "known": performance.known,
            "why": performance.why._asdict() if performance.why else None,
        },
        "labels": None
        if labels is None
        else {
            "known": labels.known, "condition": round(min(labels.condition, 1e9), 2),
            "shares": [
                {"label": name, "before": round(b, 4), "now": round(n, 4), "low": round(lo, 4), "high": round(hi, 4)}
                for name, b, n, lo, hi in zip(
                    labels.labels, labels.before.tolist(), labels.now.tolist(), labels.low.tolist(), labels.high.tolist()
                )
            ],
        },
    }  # fmt: skip


def performance_words(found: Performance) -> Words:
    """Return what to expect of answers, in one sentence."""
    if not found.known and found.why is not None:
        return Words(
            f"How many answers are right is not known without labels: {found.why.en}.",
            f"没有标签时无法估计正确率：{found.why.zh}。",
        )
    return Words(
        f"About {found.accuracy:.1%} of the answers are right (95 % interval {found.low:.1%} to {found.high:.1%}, estimated without labels; "
        f"{found.before:.1%} on unseen rows at training).",
        f"约 {found.accuracy:.1%} 的预测正确（95% 区间 {found.low:.1%} 至 {found.high:.1%}，无标签估计；训练时未见过的数据上为 {found.before:.1%}）。",
    )


def labels_words(found: LabelShares) -> Words | None:
    """Return which labels come more or less often, in one sentence; None where none surely does."""
    if not found.known:
        return Words(
            f"Which labels come more often cannot be told without labels: the model mixes them up too much (condition number {found.condition:,.0f}).",
            f"没有标签时无法判断各类别占比的变化：模型对类别的区分不够（条件数 {found.condition:,.0f}）。",
        )
    moved = [
        (abs(n - b), name, b, n)
        for name, b, n, lo, hi in zip(found.labels, found.before, found.now, found.low, found.high)
        if not lo <= b <= hi and abs(n - b) >= 0.02
    ]
    if not moved:
        return None
    moved.sort(reverse=True)
    said = [f"{name} {b:.0%} → {n:.0%}" for _, name, b, n in moved[:3]]
    return Words(
        f"Labels that come more or less often, if only their shares changed: {', '.join(said)}.",
        f"若只有类别占比发生变化，则占比变动为：{'、'.join(said)}。",
    )
