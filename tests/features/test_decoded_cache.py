"""What is kept of decoded media stays within the memory that the run was granted."""

import numpy as np
import pytest

from modelwright.core import device
from modelwright.features._decoded_cache import Kept


@pytest.fixture
def granted():
    yield device.grant_memory
    device.grant_memory(None)


def fill(kept, count):
    for i in range(count):
        kept.get({"digest": str(i)}, (), lambda: np.zeros(1 << 20, np.uint8))
    return kept.size


def test_a_small_grant_keeps_little(granted):
    granted(160 << 20)
    assert fill(Kept(), 40) <= 10 << 20
    granted(16 << 20)
    assert fill(Kept(), 5) == 0, "what is large beside the room is not kept at all"
    granted(None)
    assert fill(Kept(64 << 20), 40) == 40 << 20


def test_what_is_kept_is_made_once(granted):
    granted(1 << 30)
    kept, made = Kept(), []
    for _ in range(3):
        kept.get({"digest": "a"}, (1,), lambda: made.append(1) or np.zeros(4))
    assert made == [1]


def test_free_memory_counts_the_grant(granted):
    granted(device.used_memory() + (50 << 20))
    assert device.free_memory() <= 60 << 20
    granted(1)
    assert device.free_memory() == 0
    assert device.for_cache(100, 4) == 0
