"""Encoders of number columns."""

from modelwright.models.columns_of_cells import PiecewiseLinear

ENCODERS = {"piecewise-linear": PiecewiseLinear}
