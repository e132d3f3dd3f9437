"""Category columns: one view each for linear models, trees and networks."""

from modelwright.features._table import CategoryDense, CategorySparse
from modelwright.features._tensors import CategoryTensor

VIEWS = {"sparse": CategorySparse, "dense": CategoryDense, "tensor": CategoryTensor}
