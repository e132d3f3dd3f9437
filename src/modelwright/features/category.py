"""Category columns: one view each for linear models, trees and networks."""

from modelwright.features.shared.table import CategoryDense, CategorySparse
from modelwright.features.shared.tensors import CategoryTensor

VIEWS = {"sparse": CategorySparse, "dense": CategoryDense, "tensor": CategoryTensor}
