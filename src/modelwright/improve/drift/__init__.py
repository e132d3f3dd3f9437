"""Drift of what a release is asked and answers: watched while it serves, kept over restarts, told by page and webhook."""
