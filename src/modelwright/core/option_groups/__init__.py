"""The options of a run, in groups; what is for some tasks only stands beside those, in files named `options.py`."""
