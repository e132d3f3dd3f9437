"""Recipes that choose answers from columns of a table."""

from __future__ import annotations

TASKS: frozenset[str] | None = None  # whatever chooses answers from columns
