"""Recipes that find spans in texts."""

TASKS = frozenset({"token-classification"})
