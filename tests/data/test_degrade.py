"""What good pictures are made worse by: how it is written, what it does, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import OptionError
from modelwright.data.degrade import Step, degraded, parse_degrade, shrinks
from modelwright.data.kinds.base import media, with_how
from modelwright.data.kinds.image import decode, looked
from pictures_made import picture, png

STEPS = st.one_of(
    st.integers(2, 8).map(lambda k: Step("bicubic", float(k))), st.integers(1, 200).map(lambda s: Step("noise", float(s))),
    st.integers(1, 95).map(lambda q: Step("jpeg", float(q))), st.integers(1, 20).map(lambda s: Step("blur", float(s))), st.just(Step("grey")),
)  # fmt: skip


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_steps_are_read_as_they_are_written(steps):
    assert parse_degrade(" + ".join(map(str, steps))) == tuple(steps)


@pytest.mark.parametrize(
    ("text", "says"),
    [("sepia", "sepia"), ("bicubic", "factor"), ("bicubic x9", "2 to 8"), ("bicubic x1.5", "2 to 8"), ("jpeg 0", "1 to 95"), ("noise", "deviation"),
     ("grey 3", "grey 3"), ("", "Known"), ("blur 2 +", "Known"), ("noise -5", "noise -5")],
)  # fmt: skip
def test_what_there_is_not_is_refused(text, says):
    with pytest.raises(OptionError, match=says):
        parse_degrade(text)


def test_each_does_what_it_says():
    good = picture(1, 40, 50)
    assert degraded(good, parse_degrade("bicubic x3"), 0).shape == (13, 16, 3)
    noise = degraded(np.full((64, 64, 1), 128, np.uint8), parse_degrade("noise 25"), 0).astype(float) - 128
    assert noise.std() == pytest.approx(25, rel=0.05)
    assert degraded(good, parse_degrade("grey"), 0).shape == (40, 50, 1)
    edge = np.zeros((20, 40, 1), np.uint8)
    edge[:, 20:] = 255
    assert 100 < degraded(edge, parse_degrade("blur 2"), 0)[10, 20, 0] < 160
    coarse = degraded(good, parse_degrade("jpeg 5"), 0)
    assert coarse.shape == good.shape
    assert (
        np.abs(coarse.astype(int) - good).mean()
        > np.abs(degraded(good, parse_degrade("jpeg 90"), 0).astype(int) - good).mean()
    )
    assert shrinks(parse_degrade("blur 1 + bicubic x2")) == 2


def test_a_cell_is_degraded_when_it_is_decoded():
    good = picture(2, 40, 48)
    cell = media(png(good), None)
    worse = with_how(cell, {"degrade": "bicubic x2 + noise 5", "seed": 3})
    assert worse["digest"] != cell["digest"]
    assert np.array_equal(decode(worse), degraded(good, parse_degrade("bicubic x2 + noise 5"), 3))
    assert np.array_equal(decode(worse), decode(worse))
    assert decode(worse, 16).shape == (16, 16, 3)
    assert looked(cell) == (40, 48, 3, 1)
