"""Recipes that answer questions from documents."""

TASKS = frozenset({"question-answering"})
