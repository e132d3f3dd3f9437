"""Encoders of timestamp columns."""

from modelwright.models.encoders._table import PiecewiseLinear

ENCODERS = {"piecewise-linear": PiecewiseLinear}
