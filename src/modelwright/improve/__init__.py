"""What makes a model better by its use: drift, review, experiments, and the next version."""
