"""Drift: whether what comes in, and what is answered, is still like the training data. No service in it."""
