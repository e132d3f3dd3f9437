"""Recipes that turn recordings into text."""

TASKS = frozenset({"automatic-speech-recognition"})
