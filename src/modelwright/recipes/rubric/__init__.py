"""Recipes that score essays by criteria."""

TASKS = frozenset({"essay-scoring"})
