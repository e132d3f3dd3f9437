"""Number columns: one view each for linear models, trees and networks."""

from modelwright.features.shared.table import NumberDense, NumberSparse
from modelwright.features.shared.tensors import NumberTensor

VIEWS = {"sparse": NumberSparse, "dense": NumberDense, "tensor": NumberTensor}
