"""Whether a version on trial has exceeded a limit: tests that may be looked at after every request.

Each test is a bet against "the limit is kept": a capital that starts at 1 and, as long as that is true, can be expected never to
grow, whenever one looks (Ville's inequality: it ever reaches 1/a with a chance of at most a). What it gains by every
observation is 1 + f * (x - limit), the fraction f mixed over a fixed grid. Source: Waudby-Smith, Ramdas, Estimating means of
bounded random variables by betting (arXiv 2010.09686).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from modelwright.core.words import Words
from modelwright.release.registry.limits import Limits, percent

ALPHA = 0.01  # chance that a version within all its limits is ever taken back, by all processes of a service together
LATE = 0.05  # share of requests that may be later than a 95th percentile
GRACE = 0.025  # seconds that nobody minds
LEAST = 50  # requests of the version it is compared with, before latency is held against them
_TWICE = 2.0  # times the errors, or late answers, of the version it is compared with are allowed where those exceed the limit
_WINDOW = 4  # looks that latency is judged by together: a machine that halts for a moment makes all answers of that moment late
_FEW = 5  # requests of the other version in a window, from which on its late answers count
_PARTS = 5  # numbers are told apart by fifths of what the other version answered
_BINS = 100  # answers from which the fifths are made
_TESTS = 3
_GRID = np.geomspace(0.004, 0.9, 12)  # of the largest fraction that never loses everything


class Reason(NamedTuple):
    """Which limit was exceeded (`errors`, `latency`, `drift`), and the sentence."""

    code: str
    words: Words


class Bet:
    """A bet against "at most a share p of all observations are hits"."""

    def __init__(self) -> None:
        self.seen = self.hits = 0
        self._logs = np.zeros(len(_GRID))

    def add(self, seen: int, hits: int, p: float) -> None:
        """Add observations; p may change from time to time, by what was known before them."""
        self.seen, self.hits = self.seen + seen, self.hits + hits
        fractions = _GRID / p
        self._logs += hits * np.log1p(fractions * (1 - p)) + (seen - hits) * np.log1p(-fractions * p)

    def add_together(self, seen: int, hits: int, p: float) -> None:
        """Add observations of one moment, which may all be alike: their share of hits counts as one."""
        if seen:
            self.seen, self.hits = self.seen + seen, self.hits + hits
            self._logs += np.log1p(_GRID / p * (hits / seen - p))

    @property
    def capital(self) -> float:
        """What the bet is worth by now."""
        return _mean_exp(self._logs)

    @property
    def share(self) -> float:
        """The share of hits so far."""
        return self.hits / max(1, self.seen)


class Drift:
    """Bets against "no label's share of the answers changes by more than `limit`", on rows that both versions answered.

    `labels` are those that may be answered; where there are none, numbers are.
    """

    def __init__(self, limit: float, labels: Sequence[Any] = ()) -> None:
        self.limit, self.rows, self._labels = limit, 0, len(labels)
        self._more: Counter[str] = Counter()  # rows that have the label in the one version's answer only
        self._less: Counter[str] = Counter()
        self._cuts: np.ndarray | None = None
        self._numbers: list[float] = []

    def add(self, answer: Any, other: Any) -> None:
        """Add the prediction of the version on trial for a row, and the other's; what is made (texts, lists) is passed over."""
        if not self._labels and _is_number(answer) and _is_number(other):
            if self._cuts is None:
                self._numbers.append(float(other))
                if len(self._numbers) >= _BINS:
                    self._cuts = np.quantile(self._numbers, np.arange(1, _PARTS) / _PARTS)
                return
            answer, other = self._part(answer), self._part(other)
        mine, theirs = _labels(answer), _labels(other)
        if mine is None or theirs is None:
            return
        self.rows += 1
        self._more.update(mine - theirs)
        self._less.update(theirs - mine)

    def exceeded(self, capital: float) -> tuple[str, float] | None:
        """Return the label whose share has changed by more than the limit, and by how much: where a bet reaches `capital`.

        All labels, and both directions, share the chance of a false alarm.
        """
        labels = self._more.keys() | self._less.keys()
        needed, best = capital * 2 * max(self._labels or _PARTS, len(labels)), None
        most = 1 / (1 + self.limit)
        for label in labels:
            up, down = self._more[label], self._less[label]
            change = (up - down) / max(1, self.rows)
            gains, losses = (up, down) if up >= down else (down, up)
            f = _GRID * most
            logs = gains * np.log1p(f * (1 - self.limit)) + losses * np.log1p(-f * (1 + self.limit))
            logs += (self.rows - up - down) * np.log1p(-f * self.limit)
            if _mean_exp(logs) >= needed and (best is None or abs(change) > abs(best[1])):
                best = (label, change)
        return best

    def _part(self, value: Any) -> str:
        assert self._cuts is not None
        i = int(np.searchsorted(self._cuts, float(value), side="right"))
        low = f"{self._cuts[i - 1]:.4g}" if i else "-∞"
        return f"{low}…{self._cuts[i]:.4g}" if i < len(self._cuts) else f"{low}…∞"


class Seen:
    """What is known of the requests that one version answered on this host."""

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self.late: deque[float] = deque(maxlen=500)  # seconds of the latest, each without what its further rows took

    def p95(self) -> float | None:
        """Return the 95th percentile of the latest requests, None as long as they are few."""
        return float(np.quantile(self.late, 1 - LATE)) if len(self.late) >= LEAST else None


class Judge:
    """Holds the requests of a version on trial against its limits; `before` is what is known of the version it is compared with.

    `workers` processes judge the version, each by its own requests, and share the chance of a false alarm (Bonferroni).
    """

    def __init__(self, limits: Limits, before: Seen, labels: Sequence[Any] = (), workers: int = 1) -> None:
        self._capital = _TESTS * workers / ALPHA
        self._limits, self._before = limits, before
        self.errors, self.latency = Bet(), Bet()
        self.drift = Drift(limits.drift or 0.5, labels)
        self._requests: tuple[int, int] = (0, 0)
        self._taken: list[tuple[float, float]] = []
        self._others: list[tuple[float, float]] = []
        self._looks = 0
        self._bound = self._latency_bound()
        self._allowed = self._errors_allowed()

    def request(self, failed: bool) -> None:
        """Add a request that was answered, or that failed because of the model."""
        seen, hits = self._requests
        self._requests = seen + 1, hits + failed

    def took(self, seconds: float, more: float) -> None:
        """Add the seconds of an answer, `more` of which the version that it is compared with takes for its further rows."""
        self._taken.append((seconds, more))

    def other_took(self, seconds: float, more: float) -> None:
        """Add the same of an answer of the version that it is compared with."""
        self._others.append((seconds, more))

    def compare(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Add predictions for the same rows: of the version on trial, and of the other."""
        if self._limits.drift is not None:
            for answer, other in pairs:
                self.drift.add(answer, other)

    def verdict(self) -> Reason | None:
        """Return the limit that is exceeded by now, if one is; called about once a second."""
        capital = self._capital
        (seen, hits), self._requests = self._requests, (0, 0)
        self._looks += 1
        if self._allowed is not None:
            self.errors.add(seen, hits, self._allowed)
        bound, scale = self._bound
        if self._looks % _WINDOW == 0:
            taken, others = self._taken, self._others
            self._taken, self._others = [], []
            if bound is not None:
                late, late_others = (sum(s > bound + scale * m for s, m in found) for found in (taken, others))
                usual = late_others / len(others) if len(others) >= _FEW else 0.0
                self.latency.add_together(len(taken), late, min(0.9, max(LATE, _TWICE * usual)))
            self._bound = self._latency_bound()
        # what the next ones are held against rests on what is known by now
        allowed, self._allowed = self._allowed, self._errors_allowed()
        if allowed is not None and self.errors.capital >= capital:
            share, n = percent(self.errors.share), self.errors.seen
            return Reason(
                "errors",
                Words(f"{share} of {n} requests failed, above {percent(allowed)}", f"{n} 个请求中 {share} 失败，高于 {percent(allowed)}"),
            )  # fmt: skip
        if bound is not None and self.latency.capital >= capital:
            share, n, ms = percent(self.latency.share), self.latency.seen, f"{1e3 * bound:.0f}"
            return Reason(
                "latency",
                Words(f"{share} of {n} requests took longer than {ms} ms, above 5%", f"{n} 个请求中 {share} 超过 {ms} 毫秒，高于 5%"),
            )  # fmt: skip
        found = self.drift.exceeded(capital) if self._limits.drift is not None else None
        if found is not None:
            label, change = found
            most, rows = percent(self._limits.drift or 0.0), self.drift.rows
            by = f"{100 * change:+.1f}"
            return Reason(
                "drift",
                Words(
                    f"the share of `{label[:60]}` among the answers changed by {by} points on {rows} rows, above {most}",
                    f"{rows} 行中回答 `{label[:60]}` 的占比变化 {by} 个百分点，高于 {most}",
                ),
            )
        return None

    def _errors_allowed(self) -> float | None:
        """Return the share of errors that is allowed: what ails both versions is no fault of the one on trial."""
        if self._limits.errors is None:
            return None
        usual = self._before.errors / max(100, self._before.requests)
        return float(min(0.9, max(self._limits.errors, _TWICE * usual)))

    def _latency_bound(self) -> tuple[float | None, float]:
        """Return the seconds within which 95 % of requests of one row must be answered, and times what further rows may add."""
        if self._limits.latency is not None:
            return self._limits.latency, 0.0
        usual = self._before.p95()
        if self._limits.slower is None or usual is None:
            return None, 0.0
        return self._limits.slower * usual + GRACE, self._limits.slower


def _mean_exp(logs: np.ndarray) -> float:
    return float(np.exp(min(700.0, float(np.logaddexp.reduce(logs)) - np.log(len(logs)))))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _labels(value: Any) -> set[str] | None:
    """Return the labels of an answer: one, or a set of them; None for what is made."""
    if isinstance(value, (str, bool, int, float)):
        return {str(value)}
    if isinstance(value, list) and all(isinstance(v, (str, int)) for v in value):
        return {str(v) for v in value}
    return None
