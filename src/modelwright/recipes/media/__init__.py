"""Recipes that choose answers from columns, for pictures, sound, clips and series."""

from __future__ import annotations

TASKS: frozenset[str] | None = None  # whatever chooses answers from columns
