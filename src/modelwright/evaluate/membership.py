"""A simple attack on membership: are training rows answered better than rows the model has not seen?

Whoever knows a row and its true answer asks the model and says "was in the training data" where the loss is small. Source:
Yeom et al. 2018, arXiv 1709.01604; true positives at few false ones, Carlini et al. 2022, arXiv 2112.03570.
Legend: M training rows (members), O other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.facts.privacy import MembershipFacts
from modelwright.core.judged import Judged
from modelwright.core.schema import Table

_MOST = 4000  # rows of each kind
_RESAMPLES = 200
_FALSE = 0.01


@dataclass(frozen=True)
class Membership:
    """What the attack reaches: area under its curve (0.5 is guessing), members found at 1 % false alarms, with 95 % intervals.

    `apart` says that the other rows were not drawn at random from the same rows.
    """

    auc: float
    auc_low: float
    auc_high: float
    tpr: float
    tpr_low: float
    tpr_high: float
    members: int
    others: int
    apart: bool = False

    def to_json(self) -> MembershipFacts:
        """Return the finding as JSON values."""
        return {
            "auc": self.auc, "auc_low": self.auc_low, "auc_high": self.auc_high,
            "tpr": self.tpr, "tpr_low": self.tpr_low, "tpr_high": self.tpr_high,
            "members": self.members, "others": self.others, "apart": self.apart,
        }  # fmt: skip


def losses(judged: Judged) -> np.ndarray:
    """Return the loss of every judged row, float64 [N]: minus the natural log of the true answer's probability, or the squared error."""
    if judged.target.kind == "value":
        return np.asarray((judged.scores[:, 0] - judged.truth) ** 2)
    p = np.clip(judged.scores, 1e-12, 1)
    if judged.target.kind == "classes":
        return np.asarray(-np.log(p[np.arange(len(p)), judged.truth]))
    q = np.clip(1 - judged.scores, 1e-12, 1)
    return np.asarray(-(judged.truth * np.log(p) + (1 - judged.truth) * np.log(q)).sum(axis=1))


def attack(members: np.ndarray, others: np.ndarray, *, seed: int = 0, apart: bool = False) -> Membership | None:
    """Attack by losses of members [M] and others [O]; None where there are fewer than 20 of either.

    Intervals are those of resampled rows of both kinds.
    """
    rng = np.random.default_rng(seed)
    members = members[np.isfinite(members)]
    others = others[np.isfinite(others)]
    members = members if len(members) <= _MOST else rng.choice(members, _MOST, replace=False)
    others = others if len(others) <= _MOST else rng.choice(others, _MOST, replace=False)
    if min(len(members), len(others)) < 20:
        return None
    drawn = np.array(
        [_reached(rng.choice(members, len(members)), rng.choice(others, len(others))) for _ in range(_RESAMPLES)]
    )
    auc, tpr = _reached(members, others)
    (auc_low, tpr_low), (auc_high, tpr_high) = np.percentile(drawn, [2.5, 97.5], axis=0)
    ends = (min(auc, auc_low), max(auc, auc_high), min(tpr, tpr_low), max(tpr, tpr_high))
    return Membership(
        float(auc), float(ends[0]), float(ends[1]), float(tpr), float(ends[2]), float(ends[3]),
        len(members), len(others), apart,
    )  # fmt: skip


def _reached(members: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Return the area under the curve, ties counted half, and the share of members below the 1 % quantile of others."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, members, side="left")
    upto = np.searchsorted(ordered, members, side="right")
    auc = 1 - float((below + upto).mean()) / (2 * len(others))
    cut = ordered[int(np.floor(_FALSE * len(others)))]
    return auc, float((members < cut).mean())


def members_of(table: Table, rows: int = _MOST, seed: int = 0) -> Table:
    """Return some rows that the model was trained on, by chance."""
    if len(table) <= rows:
        return table
    return table.take(np.sort(np.random.default_rng(seed).permutation(len(table))[:rows]))


def attackable(target: TargetCodec) -> bool:
    """Return whether rows have a loss of their own that can be compared."""
    return target.kind in ("classes", "label_sets", "value")
