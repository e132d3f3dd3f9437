"""Recipes that make pictures."""

TASKS = frozenset({"text-to-image", "unconditional-image-generation"})
