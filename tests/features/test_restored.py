"""What a stored state of a codec may not be: without its numbers, or with sizes that nothing has."""

import numpy as np
import pytest

from modelwright.features.shared.table import NumberSparse
from modelwright.features.shared.tensors import NumberTensor
from modelwright.features.shared.tokens import TokenCodec


@pytest.mark.parametrize("bad", [None, float("nan"), 1e999, "x", {}])
def test_numbers_must_be_there_and_finite(bad):
    good = {"centre": 1.0, "scale": 2.0, "edges": [0.0, 1.0]}
    assert NumberSparse.restore(good, {}).scale == 2.0
    for name in good:
        with pytest.raises((ValueError, TypeError)):
            NumberSparse.restore({**good, name: bad if name != "edges" else [bad]}, {})
    with pytest.raises((ValueError, TypeError)):
        NumberTensor.restore({"center": [bad], "scale": [1.0]}, {"edges": np.zeros((1, 2), np.float32)})


@pytest.mark.parametrize("bad", [{"length": 0}, {"length": 10**12}, {"buckets": -1}, {"buckets": 10**9}])
def test_sizes_of_texts_must_be_possible(bad):
    with pytest.raises(ValueError, match="tokens in"):
        TokenCodec.restore({"vocabulary": ["a"], "length": 8, "buckets": 16, **bad}, {})
