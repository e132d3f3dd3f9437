"""Recipes that turn recordings into text."""
