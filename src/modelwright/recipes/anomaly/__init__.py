"""Recipes that find what is unusual."""

TASKS = frozenset({"anomaly-detection"})
