"""Further routes of the service, found by their files: each defines `add(app, service)`, which does nothing for a predictor that does not fit."""
