"""Losses of things that are no labels: pictures, spectra, directions."""

from __future__ import annotations

from typing import Any


def row_mean(each: Any, row_weight: Any = None) -> Any:
    """Return the mean of losses [B, ...], a tensor of one number; with `row_weight` [B] each row counts as much as that says."""
    return each.mean() if row_weight is None else (row_weight * each.flatten(1).mean(1)).mean()
