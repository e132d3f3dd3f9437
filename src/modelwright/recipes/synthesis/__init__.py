"""Recipes that read texts aloud."""

TASKS = frozenset({"text-to-speech"})
