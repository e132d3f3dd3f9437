"""Further routes of the service that look at how a model is used; one file each, as in `serve/faces/`."""
