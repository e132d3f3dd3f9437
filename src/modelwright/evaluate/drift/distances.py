"""How far two samples lie apart, and whether chance alone would explain it: one look at two sets of counts.

| kind | test | effect |
|---|---|---|
| ordered | Kolmogorov-Smirnov; by random draws where few rows came | the KS distance; Wasserstein in deviations |
| shares | chi-square; by random draws where bins are thin | total variation; Jensen-Shannon distance |
| embedding | maximum mean discrepancy (Gretton et al. 2012, JMLR 13) over random Fourier features (Rahimi & Recht 2007) | its root |

For looks that repeat see sequential.py. Legend: B bins, D random features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.evaluate.drift.figures import Figure

_THIN = 5.0  # rows expected in a bin from which the chi-square distribution holds
_SMALL = 100  # rows below which the distribution of KS is drawn and not taken from its limit
_DRAWS = 1999


@dataclass(frozen=True)
class Tested:
    """What one test found. `effect` is 0 for equal samples and at most 1; `distance` in the unit that `measure` names."""

    test: str
    p: float
    effect: float
    measure: str
    distance: float
    rows: int


def compare(figure: Figure, counts: np.ndarray, seed: int = 0) -> Tested:
    """Compare counts [B] with the reference of a figure by the test that suits its kind and the number of rows."""
    rows = int(counts.sum())
    if rows == 0 or figure.rows == 0:
        return Tested("none", 1.0, 0.0, "none", 0.0, rows)
    p, test = (_ks if figure.kind == "ordered" else _chi_square)(figure.counts, counts, seed)
    return Tested(test, p, effect(figure, counts), *distance(figure, counts), rows)


def effect(figure: Figure, counts: np.ndarray) -> float:
    """Return the size of a change, 0..1: the KS distance of ordered figures, the total variation of shares. `counts` [B] are those of the rows
    that came."""
    rows = counts.sum()
    if rows == 0 or figure.rows == 0:
        return 0.0
    apart = counts / rows - figure.shares
    return float(np.abs(np.cumsum(apart)).max() if figure.kind == "ordered" else 0.5 * np.abs(apart).sum())


def distance(figure: Figure, counts: np.ndarray) -> tuple[str, float]:
    """Return the distance of `counts` [B] that suits a figure, by name: Wasserstein in deviations of the reference, or Jensen-Shannon (0..1)."""
    rows = counts.sum()
    if rows == 0 or figure.rows == 0:
        return "none", 0.0
    if figure.kind == "ordered":
        return "wasserstein", wasserstein(figure, counts)
    return "jensen-shannon", jensen_shannon(figure.shares, counts / rows)


def wasserstein(figure: Figure, counts: np.ndarray) -> float:
    """Return the first Wasserstein distance of `counts` [B] in standard deviations of the reference, each bin taken at its middle.

    Beyond the outermost edges nothing is known of values, so a shift far outside is told as smaller than it is.
    """
    if len(figure.edges) < 2:
        return 0.0
    edges = np.asarray(figure.edges)
    middles = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])
    shares = figure.shares
    deviation = float(np.sqrt(np.sum(shares * middles**2) - np.sum(shares * middles) ** 2))
    apart = np.abs(np.cumsum(counts / counts.sum() - shares))[:-1]
    return float(np.sum(apart * np.diff(middles)) / deviation) if deviation > 0 else 0.0


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Return the Jensen-Shannon distance of two distributions [B], between 0 and 1 (Lin 1991, doi 10.1109/18.61115)."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(a > 0, a * np.log2(a / middle), 0.0).sum() for a in (p, q)]
    return float(np.sqrt(max(0.0, (terms[0] + terms[1]) / 2)))


def _ks(a: np.ndarray, b: np.ndarray, seed: int) -> tuple[float, str]:
    from scipy.special import kolmogorov

    n, m = int(a.sum()), int(b.sum())
    found = float(np.abs(np.cumsum(a / n - b / m)).max())
    if min(n, m) >= _SMALL:  # ties make this p-value too large, never too small
        return float(kolmogorov(np.sqrt(n * m / (n + m)) * found)), "ks"
    drawn = _drawn(a + b, m, seed)
    apart = np.abs(np.cumsum((a + b - drawn) / n - drawn / m, axis=1)).max(axis=1)
    return float((1 + np.sum(apart >= found - 1e-12)) / (1 + len(apart))), "ks by draws"


def _chi_square(a: np.ndarray, b: np.ndarray, seed: int) -> tuple[float, str]:
    from scipy.stats import chi2

    used = (a + b) > 0
    a, b = a[used], b[used]
    if len(a) < 2:
        return 1.0, "chi-square"
    n, m = int(a.sum()), int(b.sum())
    expected = (a + b) * min(n, m) / (n + m)
    found = _chi(a[None], b[None])[0]
    if (expected >= _THIN).all():
        return float(chi2.sf(found, len(a) - 1)), "chi-square"
    drawn = _drawn(a + b, m, seed)
    return float((1 + np.sum(_chi(a + b - drawn, drawn) >= found - 1e-9)) / (1 + len(drawn))), "chi-square by draws"


def _chi(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    n, m = a.sum(axis=1, keepdims=True), b.sum(axis=1, keepdims=True)
    scaled = np.sqrt(m / n) * a - np.sqrt(n / m) * b
    found: np.ndarray = (scaled**2 / (a + b)).sum(axis=1)
    return found


def _drawn(total: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return counts [draws, B] of `count` rows drawn from all without putting back: what chance alone does."""
    return np.random.default_rng(seed).multivariate_hypergeometric(total, count, size=_DRAWS, method="marginals")


def mmd(
    mean: np.ndarray, rows: int, other: np.ndarray, others: int, spread: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """Return the maximum mean discrepancy of two means [D] of random Fourier features, and the p-value of chance.

    `spread` [D] are the eigenvalues of the features' covariance in the reference: with them the squared distance of two means
    is distributed as a weighted sum of squared normals.
    """
    squared = float(np.sum((mean - other) ** 2))
    if rows == 0 or others == 0:
        return 0.0, 1.0
    normals = np.random.default_rng(seed).standard_normal((_DRAWS, len(spread))) ** 2
    chance = normals @ np.maximum(spread, 0) * (1 / rows + 1 / others)
    return float(np.sqrt(squared)), float((1 + np.sum(chance >= squared)) / (1 + len(chance)))
