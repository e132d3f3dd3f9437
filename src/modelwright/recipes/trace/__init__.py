"""Recipes that follow what learners know."""

TASKS = frozenset({"knowledge-tracing"})
