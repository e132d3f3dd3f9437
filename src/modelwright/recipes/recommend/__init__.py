"""Recipes that recommend items."""

TASKS = frozenset({"recommendation"})
