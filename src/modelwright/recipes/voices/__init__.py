"""Recipes that turn a recording into a vector of the voice in it."""

TASKS = frozenset({"speaker-verification"})
