"""Recipes that find things in pictures."""

TASKS = frozenset({"object-detection"})
