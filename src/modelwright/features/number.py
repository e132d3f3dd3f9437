"""Number columns: one view each for linear models, trees and networks."""

from modelwright.features._table import NumberDense, NumberSparse
from modelwright.features._tensors import NumberTensor

VIEWS = {"sparse": NumberSparse, "dense": NumberDense, "tensor": NumberTensor}
