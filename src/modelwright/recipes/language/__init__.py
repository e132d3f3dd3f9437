"""Recipes that go on with texts."""

TASKS = frozenset({"text-generation"})
