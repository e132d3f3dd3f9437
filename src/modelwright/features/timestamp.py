"""Timestamp columns: one view each for linear models, trees and networks."""

from modelwright.features._table import TimestampDense, TimestampSparse
from modelwright.features._tensors import TimestampTensor

VIEWS = {"sparse": TimestampSparse, "dense": TimestampDense, "tensor": TimestampTensor}
