"""Boolean columns: one view each for linear models, trees and networks."""

from modelwright.features._table import BooleanDense, BooleanSparse
from modelwright.features._tensors import BooleanTensor

VIEWS = {"sparse": BooleanSparse, "dense": BooleanDense, "tensor": BooleanTensor}
