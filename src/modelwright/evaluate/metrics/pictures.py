"""Metrics of pictures that are made: PSNR and SSIM (`data/image_quality.py`).

A score is a picture, or the figures of one that was judged and let go, so that no split of pictures stands in memory. Legend: N rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelwright.core.answers.media import cell_bytes, file_bytes
from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.data.image_quality import MOST_DB, figures
from modelwright.data.kinds.image import decode


def _row_figures(score: Any, truth: Any) -> dict[str, float]:
    """Return the figures of one row: as its model gave them, else from the picture it made."""
    if score is None:
        return {}
    if "figures" in score:
        found: dict[str, float] = score["figures"]
        return found
    data = file_bytes(score) or b""
    made = decode({"path": None, "bytes": data, "digest": "", "how": None})
    return figures(made, decode({**truth.as_py(), "bytes": cell_bytes(truth.as_py())}), 0)


def figure(
    name: str, title: Words, high: float, *, higher: bool = True, of: Callable[[Any, Any], dict[str, float]] = _row_figures, absent: float = 1.0
) -> Metric:  # fmt: skip
    """Return the metric that is the mean of one figure over rows, found by `of` from score and truth.

    A row without an answer counts as 0 where more is better, else as `absent`.
    """

    def parts(judged: Judged) -> np.ndarray:
        out = np.zeros((len(judged.rows), 2))
        for i, (score, truth) in enumerate(zip(judged.scores[:, 0], judged.truth, strict=True)):
            out[i] = of(score, truth).get(name, 0.0 if higher or score is not None else absent), 1.0
        return out

    return Metric(name, title, higher, lambda s: float(s[0] / s[1]) if s[1] else float("nan"), high=high, parts=parts)


PSNR = figure("psnr", Words("PSNR on luma, dB", "PSNR（亮度，dB）"), MOST_DB)
SSIM = figure("ssim", Words("SSIM", "SSIM"), 1.0)
PSNR_COLOUR = figure("psnr_colour", Words("PSNR on colours, dB", "PSNR（彩色，dB）"), MOST_DB)
PICTURES = (PSNR, SSIM, PSNR_COLOUR)


def _looked(judged: Judged) -> np.ndarray:
    """Return LPIPS and 1 of each row [N, 2]; a row without an answer is as unlike as can be, one that nobody looked at counts for nothing."""
    out = np.zeros((len(judged.rows), 2))
    for i, score in enumerate(judged.scores[:, 0]):
        told = {"lpips": 1.0} if score is None else score.get("figures", {})
        out[i] = (told["lpips"], 1.0) if "lpips" in told else (0.0, 0.0)
    return out


LPIPS = Metric(
    "lpips", Words("LPIPS", "LPIPS"), False, lambda s: float(s[0] / s[1]) if s[1] else float("nan"),
    high=float("inf"), parts=_looked,
)  # fmt: skip  # only where a run names a network (--lpips)
LEFT = figure("left", Words("what is missed of style and content", "风格与内容的缺失之和"), np.inf, higher=False)
STYLE_LEFT = figure("style_left", Words("what is missed of the style", "风格的缺失"), np.inf, higher=False)
CONTENT_LEFT = figure("content_left", Words("what is missed of the content", "内容的缺失"), np.inf, higher=False)
STYLES = (LEFT, STYLE_LEFT, CONTENT_LEFT)
