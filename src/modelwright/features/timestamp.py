"""Timestamp columns: one view each for linear models, trees and networks."""

from modelwright.features.shared.table import TimestampDense, TimestampSparse
from modelwright.features.shared.tensors import TimestampTensor

VIEWS = {"sparse": TimestampSparse, "dense": TimestampDense, "tensor": TimestampTensor}
