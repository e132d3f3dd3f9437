"""Active learning: which rows are worth a label, and how many labels are."""
