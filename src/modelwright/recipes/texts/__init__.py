"""Recipes that turn texts into texts."""

TASKS = frozenset({"summarization", "text2text-generation", "translation"})
