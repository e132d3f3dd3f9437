"""What a score means in plain words: how many rows are right, or how far predictions are off; before any metric."""

from __future__ import annotations

import math

from modelwright.core.facts.run import Facts
from modelwright.core.facts.scores import MetricFact
from modelwright.core.figures import rounded as rounded
from modelwright.core.figures import share as share
from modelwright.core.judged import Judged
from modelwright.core.words import Words


def defined(facts: Facts) -> list[MetricFact]:
    """Return the metrics that say something of these rows, such as no agreement with labels where there are none; and the one that ranks."""
    told = facts.get("metrics") or []
    return [
        m for m in told
        if m["name"] == facts.get("metric") or (m["value"] is not None and math.isfinite(m["value"]))
    ]  # fmt: skip


def plainly(judged: Judged) -> Words | None:
    """Return in one clause what the model does on rows it had not seen; None for answers that are made."""
    return judged.target.plainly(judged.truth, judged.chosen) if len(judged.truth) else None


def guessing(judged: Judged) -> Words | None:
    """Return what always giving the same answer would reach on the same rows; None for answers that are made or sets."""
    return judged.target.guessing(judged.truth) if len(judged.truth) else None
