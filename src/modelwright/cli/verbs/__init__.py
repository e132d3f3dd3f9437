"""Verbs of the command line, found by their files, each of which defines `add(app)`; they parse, call and print."""
