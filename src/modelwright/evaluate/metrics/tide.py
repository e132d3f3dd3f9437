"""What goes wrong where boxes are wrong, sorted as in TIDE (Bolya et al., arXiv 2008.08115).

A wrong box of the right place has the wrong label (class), one of the right label lies badly (place), one is wrong in both, one is a
second of a box that was found (double), one lies where there is nothing (background); boxes that none of these would put right were missed.
Legend: D answered boxes, M true boxes of a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.models.overlap import overlaps_np

RIGHT, SOME = 0.5, 0.1  # overlaps from which a place is right, and from which it is near
KINDS = ("class", "place", "both", "double", "background", "missed")


def sorted_errors(truths: Sequence[Any], answers: Sequence[Any]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Return how many sure boxes are wrong in which way and how many boxes were missed; and by (true label, answered label) the
    confusions, where "" stands for nothing there or nothing answered."""
    kinds: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for truth, answer in zip(truths, answers, strict=True):
        true = [b for b in truth or () if not b.get("crowd")]
        crowd = _sides([b for b in truth or () if b.get("crowd")])
        said = sorted((b for b in answer or () if b.get("sure", True)), key=lambda b: -float(b["score"]))
        _picture(true, crowd, said, kinds, pairs)
    return kinds, pairs


def right_and_wrong(kinds: Mapping[str, int], pairs: Mapping[tuple[str, str], int]) -> tuple[int, int]:
    """Return how many boxes `sorted_errors` counted as right, and how many as wrong or too many."""
    right = sum(n for (true, said), n in pairs.items() if true and true == said)
    return right, sum(n for kind, n in kinds.items() if kind != "missed")


def _sides(boxes: Sequence[Any]) -> np.ndarray:
    return np.array([b["box"] for b in boxes], float).reshape(-1, 4)


def _picture(
    true: list[Any], crowd: np.ndarray, said: list[Any], kinds: Counter[str], pairs: Counter[tuple[str, str]]
) -> None:
    over = overlaps_np(_sides(said), _sides(true))
    same = np.array([[a["label"] == b["label"] for b in true] for a in said], bool).reshape(over.shape)
    found, explained = np.zeros(len(true), bool), np.zeros(len(true), bool)
    wrong = []
    for i in range(len(said)):
        open_ = np.where(same[i] & ~found, over[i], -1.0)
        best = int(open_.argmax()) if len(true) else -1
        if best >= 0 and open_[best] >= RIGHT:
            found[best] = True
            pairs[(true[best]["label"], said[i]["label"])] += 1
        else:
            wrong.append(i)
    for i in wrong:
        mine = float(np.where(same[i], over[i], 0).max(initial=0))
        other = float(np.where(~same[i], over[i], 0).max(initial=0))
        label = str(said[i]["label"])
        if mine >= RIGHT:
            kinds["double"] += 1
            continue
        if len(crowd) and overlaps_np(_sides([said[i]]), crowd).max() >= SOME:
            continue
        if other >= RIGHT:
            at = int(np.where(~same[i], over[i], 0).argmax())
            kinds["class"] += 1
            explained[at] = True
            pairs[(str(true[at]["label"]), label)] += 1
        elif mine >= SOME:
            kinds["place"] += 1
            explained[int(np.where(same[i], over[i], 0).argmax())] = True
        elif other >= SOME:
            kinds["both"] += 1
        else:
            kinds["background"] += 1
            pairs[("", label)] += 1
    for m in np.flatnonzero(~found):
        if not explained[m]:
            kinds["missed"] += 1
            pairs[(str(true[m]["label"]), "")] += 1
