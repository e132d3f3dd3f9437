"""The words of the house: errors, columns, contracts, events, budget. Imports nothing of the package but itself."""
