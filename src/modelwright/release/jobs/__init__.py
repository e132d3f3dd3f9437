"""Places where a run can be started, one file each: its name is the name of the place."""
