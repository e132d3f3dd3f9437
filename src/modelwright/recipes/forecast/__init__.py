"""Recipes that foretell series."""

TASKS = frozenset({"time-series-forecasting"})
