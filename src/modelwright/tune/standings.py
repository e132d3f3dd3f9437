"""The leaderboard while it grows: candidates, failures, and the best answer so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.errors import BudgetTooSmall, Stopped
from modelwright.core.recipe import guesses
from modelwright.core.words import Words
from modelwright.tune.candidate import Candidate, Validation
from modelwright.tune.ensemble import Blend, select

Winner = list[tuple[float, Candidate]]


@dataclass
class Failure:
    """A recipe or candidate that is not on the leaderboard with a score, and why."""

    name: str
    reason: Words
    fits: bool = True  # False where the recipe is made for other data


@dataclass
class Standings:
    """Candidates and failures so far. `latency` is the most seconds one answer may take; None where it is free."""

    validation: Validation
    latency: float | None
    ensemble: bool
    deadline: Deadline
    candidates: list[Candidate] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    _rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    _cached: tuple[tuple[int, ...], tuple[Winner, float, np.ndarray]] | None = None

    def fail(self, name: str, reason: Words, fits: bool = True) -> None:
        """Keep why a recipe or candidate has no score; the latest reason of a name stands."""
        self.failures[:] = [f for f in self.failures if f.name != name] + [Failure(name, reason, fits)]

    def next_name(self, recipe: str) -> str:
        """Return a name for a further candidate of a recipe: `linear-2`, `linear-3` ..."""
        taken = {c.name for c in self.candidates} | {f.name for f in self.failures}
        n = 2
        while f"{recipe}-{n}" in taken:
            n += 1
        return f"{recipe}-{n}"

    def row(self, candidate: Candidate) -> dict[str, Any]:
        """Return what the leaderboard shows of a candidate, judged on validation rows."""
        if id(candidate) in self._rows:
            return self._rows[id(candidate)]
        from modelwright.evaluate.intervals import bootstrap

        metric = self.validation.metric
        found = bootstrap(metric, self.validation.judged(candidate.scores), resamples=200, seconds=0.5)
        row = self._rows[id(candidate)] = {
            "name": candidate.name,
            "recipe": candidate.recipe,
            "metric": metric.name,
            "metric_title": list(metric.title),
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "ms_per_row": candidate.ms_per_row,
            "batch_ms": candidate.batch_ms,
            "seconds": candidate.seconds,
            "folds": list(candidate.fold_values),
            "options": candidate.options,
        }
        spent = [m.extent["spent"] for m in candidate.models if m.extent.get("spent")]
        if spent:
            row["cost"] = sum(s["cost"] for s in spent)
            row["tokens"] = sum(s["tokens_in"] + s["tokens_out"] for s in spent)
        return row

    def best(self) -> tuple[Winner, float, np.ndarray]:
        """Return the best so far: weighted candidates, their validation value, their scores [V, K]."""
        key = tuple(id(c) for c in self.candidates)
        if self._cached is not None and self._cached[0] == key:
            return self._cached[1]
        blend = self._select()
        found: tuple[Winner, float, np.ndarray]
        if blend is None:  # nothing is fast enough: the fastest stands, and the verdict says so
            fastest = min(self.candidates, key=lambda c: c.ms_per_row)
            found = [(1.0, fastest)], fastest.value, fastest.scores
        else:
            members = [(w, self.candidates[i]) for i, w in blend.weights.items()]
            if len(members) == 1:
                scores = members[0][1].scores
            else:
                scores = np.zeros_like(members[0][1].scores, dtype=np.float64)
                for w, c in members:
                    scores += w * c.scores
            found = members, blend.value, scores
        self._cached = key, found
        return found

    def _select(self) -> Blend | None:
        # the constant only smooths a blend, which the temperature does better
        pool = [i for i, c in enumerate(self.candidates) if not guesses(c.recipe)] or list(range(len(self.candidates)))
        found = select(
            [self.candidates[i].scores for i in pool],
            self.validation.value,
            self.validation.fine,
            [self.candidates[i].ms_per_row / 1000 for i in pool],
            limit=self.latency,
            deadline=self.deadline,
            rounds=24 if self.ensemble else 0,
        )
        return None if found is None else Blend({pool[i]: w for i, w in found.weights.items()}, found.value)

    def by_recipe(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the best value and the longest training time of each recipe, the constant left out."""
        values: dict[str, float] = {}
        seconds: dict[str, float] = {}
        for c in self.candidates:
            if guesses(c.recipe):
                continue
            values[c.recipe] = max(values.get(c.recipe, -np.inf), c.value)
            seconds[c.recipe] = max(seconds.get(c.recipe, 0.0), c.seconds)
        return values, seconds


@dataclass
class Outcome:
    """What the planner leaves: candidates, failures, and the winner as weighted candidates."""

    candidates: list[Candidate]
    failures: list[Failure]
    winner: list[tuple[float, Candidate]]
    value: float
    scores: np.ndarray
    gate_met: bool = False


def nothing_stands(failures: list[Failure], deadline: Deadline, budget: str) -> None:
    """Raise Stopped or BudgetTooSmall, with the reason of every recipe, where not even a baseline stands."""
    if deadline.stopped:
        raise Stopped(
            "Stopped before any model stood; nothing was kept.", "在任何模型完成之前被终止；没有保留任何结果。"
        )
    tried = [f for f in failures if f.fits] or failures
    reasons = "; ".join(f"{f.name}: {f.reason.en}" for f in tried)
    reasons_zh = "；".join(f"{f.name}：{f.reason.zh}" for f in tried)
    raise BudgetTooSmall(
        f"No recipe fits a budget of {budget}. Give more with --budget, or fewer rows. ({reasons})",
        f"预算 {budget} 不足以训练任何方案。请用 --budget 增加时间，或减少数据。（{reasons_zh}）",
    )


def passed_over(count: int) -> Words:
    """Return the one line that is said of recipes made for other data; the leaderboard keeps each one's reason."""
    return Words(
        f"  {count} recipe{'s' * (count != 1)} made for other data or settings: modelwright leaderboard RUN lists them",
        f"  另有 {count} 个方案用于其他数据或设置：modelwright leaderboard RUN 列出",
    )
