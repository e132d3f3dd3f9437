"""Text: n-grams for linear models and trees, tokens for networks. English and Chinese by the same path.

The view `hub` gives the tokens of a pretrained encoder.
"""

from modelwright.features.shared.hub import HubTokens
from modelwright.features.shared.ngrams import NgramCodec, ReducedNgramCodec
from modelwright.features.shared.tokens import TokenCodec

VIEWS = {"sparse": NgramCodec, "dense": ReducedNgramCodec, "tensor": TokenCodec, "hub": HubTokens}
