"""Options of a run that are for some tasks only, in groups; found by `core/option_groups/declared.py`."""
