"""Recipes that tell how likely a click is."""

TASKS = frozenset({"click-through"})
