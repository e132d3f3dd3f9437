"""Recipes that read texts aloud."""
