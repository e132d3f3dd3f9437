"""Recipes that compare texts."""

TASKS = frozenset({"retrieval", "sentence-similarity"})
