"""What a report shows of voices: what the threshold does on unseen speakers, errors by speaker and by length."""

from __future__ import annotations

import numpy as np

from modelwright.core.judged import Judged
from modelwright.core.recipe import Model
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.evaluate.metrics.voices import vectors_of

_MOST = 3000  # recordings whose pairs are counted


def sections(model: Model, judged: Judged) -> list[Section]:
    """Return the tables of the report; those that would have no rows are left out."""
    if len(judged.rows) < 2:
        return []
    vectors, who = vectors_of(judged)
    index = np.sort(np.random.default_rng(0).permutation(len(who))[:_MOST])
    vectors, who = vectors[index], who[index]
    a, b = np.triu_indices(len(who), 1)
    cosines, same = (
        np.einsum("nd,nd->n", vectors[a], vectors[b]) if len(a) < 200_000 else (vectors @ vectors.T)[a, b],
        who[a] == who[b],
    )
    at = float(getattr(model, "threshold", 0.5))
    found = [_decisions(cosines, same, at), _by_speaker(judged, cosines, same, who, a, b, at)]
    return [s for s in found if s.rows]


def _decisions(cosines: np.ndarray, same: np.ndarray, at: float) -> Section:
    wrong = int((cosines[~same] >= at).sum()), int((cosines[same] < at).sum())
    counts = int((~same).sum()), int(same.sum())
    names = (
        Words("other speakers accepted", "误接受"),
        Words("the same speaker rejected", "误拒绝"),
    )
    rows: list[list[str | Words]] = [
        [n, f"{w:,}", f"{c:,}", f"{w / max(1, c):.2%}"] for n, w, c in zip(names, wrong, counts, strict=True)
    ]
    return Section(
        "decisions", Words("Decisions at the threshold", "阈值处的判定"),
        Words(
            f"All pairs of unseen speakers' recordings; two are of one voice where their cosine is {at:.3f} or more. The threshold was chosen on other speakers.",
            f"未见过的说话人的所有录音对；余弦不低于 {at:.3f} 即判为同一人。阈值由其他说话人选定。",
        ),
        (Words("error", "错误"), Words("pairs", "对数"), Words("of", "共"), Words("share", "比例")), rows,
    )  # fmt: skip


def _by_speaker(
    judged: Judged, cosines: np.ndarray, same: np.ndarray, who: np.ndarray, a: np.ndarray, b: np.ndarray, at: float
) -> Section:
    names = sorted({str(t) for t in judged.truth})
    rows = []
    for k, name in enumerate(names[:40]):
        mine = (who[a] == k) | (who[b] == k)
        own, foreign = mine & same, mine & ~same
        if own.any() and foreign.any():
            rows.append(
                [
                    name,
                    str(int((who == k).sum())),
                    f"{(cosines[own] < at).mean():.2%}",
                    f"{(cosines[foreign] >= at).mean():.2%}",
                ]
            )
    return Section(
        "speakers", Words("By speaker", "按说话人"),
        Words("Whose voice is often rejected, or taken for another's.", "哪些人的声音常被拒绝，或与他人混淆。"),
        (Words("speaker", "说话人"), Words("recordings", "录音数"), Words("rejected", "误拒绝"), Words("others accepted", "误接受")),
        rows, private=True,
    )  # fmt: skip
