"""Encoders of category columns."""

from modelwright.models.encoders._table import Lookup

ENCODERS = {"lookup": Lookup}
