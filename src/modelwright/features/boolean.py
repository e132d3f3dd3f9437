"""Boolean columns: one view each for linear models, trees and networks."""

from modelwright.features.shared.table import BooleanDense, BooleanSparse
from modelwright.features.shared.tensors import BooleanTensor

VIEWS = {"sparse": BooleanSparse, "dense": BooleanDense, "tensor": BooleanTensor}
