"""The options of a run, in groups; what is for some tasks only stands beside those, in `tasks/_options/`."""
