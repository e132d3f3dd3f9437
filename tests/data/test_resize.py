"""Enlarging and shrinking keep what they must: constants, ramps, energy; and meet values computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.data.resize import resized, taps, to_bytes


def test_taps_of_the_cubic_at_twice_the_size():
    index, weight = taps(8, 16, 2.0, "bicubic")
    # Keys' cubic at distances 1.25, 0.25, 0.75, 1.75 from the sample
    assert weight[5] == pytest.approx([-0.0703125, 0.8671875, 0.2265625, -0.0234375])
    assert index[5].tolist() == [1, 2, 3, 4]
    assert index[0].tolist() == [1, 0, 0, 1]  # mirrored at the border


@given(
    st.integers(8, 30),
    st.integers(8, 30),
    st.sampled_from([2, 3, 4]),
    st.sampled_from(["bicubic", "lanczos"]),
    st.integers(0, 255),
)
@settings(max_examples=25, deadline=None)
def test_constants_stay_both_ways(height, width, scale, kernel, value):
    flat = np.full((height, width, 1), value, np.uint8)
    large = resized(flat, height * scale, width * scale, scale, kernel)
    assert large.shape == (height * scale, width * scale, 1)
    assert np.allclose(large, value, atol=1e-3)
    assert np.allclose(resized(large, height, width, 1 / scale, kernel), value, atol=1e-3)


def test_a_ramp_stays_a_ramp_and_shrinking_does_not_alias():
    ramp = np.tile(np.arange(0.0, 80.0, 2.0), (4, 1))[:, :, None]
    large = resized(ramp, 8, 80, 2.0)[4, 8:-8, 0]
    assert np.allclose(np.diff(large), 1.0, atol=1e-4)
    stripes = np.tile(np.array([0.0, 255.0] * 24), (48, 1))[:, :, None]  # the finest there are: they become grey
    small = resized(stripes, 12, 12, 0.25)[2:-2, 2:-2, 0]
    assert np.abs(small - 127.5).max() < 4


def test_bytes_are_rounded_and_cut():
    assert to_bytes(np.array([-3.0, 0.4, 0.6, 254.5, 300.0])).tolist() == [0, 0, 1, 254, 255]
