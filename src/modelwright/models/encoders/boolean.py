"""Encoders of boolean columns."""

from modelwright.models.columns_of_cells import Lookup

ENCODERS = {"lookup": Lookup}
