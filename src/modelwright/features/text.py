"""Text: n-grams for linear models and trees, tokens for networks. English and Chinese by the same path."""

from modelwright.features._ngrams import NgramCodec, ReducedNgramCodec
from modelwright.features._tokens import TokenCodec

VIEWS = {"sparse": NgramCodec, "dense": ReducedNgramCodec, "tensor": TokenCodec}
