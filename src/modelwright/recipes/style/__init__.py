"""Recipes that paint one picture in the style of another."""

TASKS = frozenset({"style-transfer"})
