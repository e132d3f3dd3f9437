"""Recipes that make pictures of pictures."""

TASKS = frozenset({"image-to-image"})
