"""What a reviewer gets to see: the kept requests that are worth a look, in an order, and how reviewers agree.

Legend: N rows, K labels, D dimensions.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words
from modelwright.release.bundle import Predictor
from modelwright.serve.feedback.shapes import Kept, Told
from modelwright.serve.feedback.store import Feedback

Order = Literal["worth", "uncertain", "contested", "newest", "drifted"]
ORDERS: tuple[Order, ...] = get_args(Order)
_LOOKED = 1500  # kept requests among which those worth a label are looked for
_BEST = 9  # labels that come with their probability


@dataclass(frozen=True)
class Agreement:
    """How two reviewers agree on the rows that both answered. `kappa` is Cohen's (1960); None where answers are no labels."""

    first: str
    second: str
    rows: int
    share: float
    kappa: float | None


def items(store: Feedback, predictor: Predictor, order: str, reviewer: str, limit: int = 40) -> list[dict[str, Any]]:
    """Return kept requests that a reviewer has not answered, the first of an order, as the page takes them."""
    return [_item(kept) for kept in items_kept(store, predictor, order, reviewer, limit)]


def items_kept(store: Feedback, predictor: Predictor, order: str, reviewer: str, limit: int) -> list[Kept]:
    """Return kept requests that a reviewer has not answered, the first of an order. Raises OptionError for an unknown order."""
    if order not in ORDERS:
        raise unknown(Words("order", "排序"), order, ORDERS)
    if order == "worth":
        return _worth(store, predictor, reviewer, limit)
    if order == "contested":
        return _contested(store, predictor.target, reviewer, limit)
    return store.kept(order, limit, without=reviewer)


def _item(kept: Kept) -> dict[str, Any]:
    best = sorted((kept.scores or {}).items(), key=lambda pair: -pair[1])[:_BEST]
    return {
        "id": kept.id,
        "version": kept.version,
        "answered_at": kept.answered_at,
        "row": dict(kept.row),
        "prediction": kept.prediction,
        "confidence": kept.confidence,
        "best": [[label, share] for label, share in best],
        "challenger": kept.challenger if kept.contested else None,
    }


def _worth(store: Feedback, predictor: Predictor, reviewer: str, limit: int) -> list[Kept]:
    """Return what active learning picks among the newest requests: uncertain, and unlike each other."""
    from modelwright.improve.choose.pick import pick
    from modelwright.improve.choose.vectors import vectors_of

    known = store.kept("newest", _LOOKED, without=reviewer)
    scored = [k for k in known if k.scores]
    if len(scored) <= limit:
        return scored or known[:limit]
    names = sorted(scored[0].scores or {})
    scores = np.array([[(k.scores or {}).get(n, 0.0) for n in names] for k in scored])
    table, _ = predictor.table([dict(k.row) for k in scored])
    return [scored[i] for i in pick(scores, vectors_of(table), limit)]


def _contested(store: Feedback, target: TargetCodec, reviewer: str, limit: int) -> list[Kept]:
    """Return requests of which another version, or two who told an answer, say something else; what was answered counts as told."""
    said: dict[str, set[str]] = defaultdict(set)
    mine = set()
    for told in store.told(kinds=("answer",)):
        said[told.id].add(repr(target.gist(told.value)))
        if told.by == reviewer:
            mine.add(told.id)
    split = [id_ for id_, gists in said.items() if len(gists) > 1 and id_ not in mine]
    by_id = store.kept_by_id(split[-limit:])
    for kept in store.kept("contested", limit, without=reviewer):
        by_id.setdefault(kept.id, kept)
    return sorted(by_id.values(), key=lambda k: -k.answered_at)[:limit]


def agreements(told: Iterable[Told], target: TargetCodec) -> list[Agreement]:
    """Return how each two who told answers to the same rows agree, those with the most rows in common first."""
    by_teller: dict[str, dict[str, str]] = defaultdict(dict)
    for one in told:
        if one.kind == "answer":
            by_teller[one.by][one.id] = repr(target.gist(one.value))
    out = []
    for first, second in itertools.combinations(sorted(by_teller), 2):
        common = sorted(by_teller[first].keys() & by_teller[second].keys())
        if not common:
            continue
        a, b = [[by_teller[who][id_] for id_ in common] for who in (first, second)]
        share = float(np.mean([x == y for x, y in zip(a, b, strict=True)]))
        kappa = _kappa(a, b) if target.told_as == "label" else None
        out.append(Agreement(first, second, len(common), share, kappa))
    return sorted(out, key=lambda found: -found.rows)


def _kappa(a: list[str], b: list[str]) -> float | None:
    """Return Cohen's kappa; None where both always gave one and the same label, so that chance alone would agree."""
    if len({*a, *b}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(a, b))


def labels_worth(store: Feedback, predictor: Predictor, step: int = 100, seed: int = 0) -> Words:
    """Return what more labels are likely to bring, from the labels told so far.

    A linear model on n-grams stands for the one that will be trained, so that this takes seconds. Raises DataError for
    fewer than 40 labelled rows, OptionError where answers are no labels.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score

    from modelwright.improve.choose.curve import fit_curve, measured
    from modelwright.improve.choose.vectors import vectors_of

    if predictor.target.told_as != "label":
        raise OptionError("This is told for labels only.", "仅支持标签类任务。")
    rows = store.labelled(gist=predictor.target.gist)
    table, _ = predictor.table([dict(r.row) for r in rows] or [{}])
    vectors = vectors_of(table)
    labels = np.array([str(predictor.target.gist(r.answer)) for r in rows])

    def fit_score(train: np.ndarray, held: np.ndarray) -> float:
        if len(set(labels[train])) < 2:
            return float(np.mean(labels[held] == labels[train][0]))
        model = LogisticRegression(C=10.0, max_iter=200).fit(vectors[train], labels[train])
        return float(f1_score(labels[held], model.predict(vectors[held]), average="micro"))

    sizes, scores, held = measured(fit_score, len(rows), seed=seed)
    return fit_curve(sizes, scores, held).words(step)
