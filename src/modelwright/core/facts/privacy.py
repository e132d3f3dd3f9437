"""Facts of personal data, of the privacy budget, of membership and of fairness."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from modelwright.core.facts.base import Pair, Scored


class PersonalFact(TypedDict):
    """Personal data of one type in one column: counts, why it was taken for that, and what was done."""

    column: str
    type: str
    title: Pair
    rows: int
    values: int
    share: float
    confidence: float
    reason: str
    why: Pair
    action: NotRequired[str]
    examples: NotRequired[list[str]]  # masked
    shown: NotRequired[list[str]]


class PersonalColumn(TypedDict):
    """What personal data a column holds; `unsure` is too little to be replaced."""

    column: str
    modality: str
    done: str
    done_words: Pair
    read: float  # share of the values that were looked through
    found: list[PersonalFact]
    unsure: list[PersonalFact]


class PersonalFacts(TypedDict):
    """What was found of personal data, and done."""

    public: bool
    columns: list[PersonalColumn]
    lines: list[Pair]
    sampled: Pair | None
    seconds: float


class LookFact(TypedDict):
    """Noisy looks at the rows, and the epsilon that they would take by themselves."""

    what: str
    noise: float
    rate: float
    steps: int
    epsilon: float


class PrivacyFacts(TypedDict):
    """The privacy budget (`epsilon`, `delta`), what was spent of it, and on what."""

    epsilon: float
    delta: float
    spent: float
    rows: int
    choice: float
    looks: list[LookFact]
    blind: list[str]


class MembershipFacts(TypedDict):
    """What an attack on membership found, with 95 % intervals."""

    auc: float
    auc_low: float
    auc_high: float
    tpr: float
    tpr_low: float
    tpr_high: float
    members: int
    others: int
    apart: bool


class GroupFact(TypedDict):
    """One group of the test rows; `scores` are (value, low, high) by measure."""

    name: str
    words: Pair
    rows: int
    scores: dict[str, tuple[float, float, float]]
    few: bool


class GapFact(Scored):
    """The largest difference between two groups."""

    name: str
    title: Pair


class SensitiveColumn(TypedDict):
    """The groups that a sensitive column makes, and the gaps between them."""

    column: str
    groups: list[GroupFact]
    gaps: list[GapFact]


class BeforeAfter(TypedDict):
    """A measure before and after mitigation."""

    title: Pair
    before: float
    after: float


class MitigationFact(TypedDict):
    """What was done about gaps, and what it changed."""

    words: Pair
    rows: NotRequired[list[BeforeAfter]]
    shifts: NotRequired[dict[str, Any] | None]


class FairnessFacts(TypedDict):
    """Groups compared on the test rows."""

    columns: list[SensitiveColumn]
    measures: dict[str, Pair]
    favourable: str | None
    mitigation: NotRequired[MitigationFact]
