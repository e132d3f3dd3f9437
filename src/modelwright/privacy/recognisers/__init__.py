"""Recognisers of personal data, one family to a file, found by the file's name."""
