"""Units of frames by a hidden Markov model: pairs of units, repeated units, single frames that flicker, recordings that are too short."""

import numpy as np
import pytest

from modelwright.models import ctc
from modelwright.models.unit_states import pairs, shares

SOUND, TONE = (
    np.array([0, 0, 0, 1]),
    np.array([0, 1, 2, 0]),
)  # two units of one sound in two tones, and one of another sound
EVEN = np.full((4, 4), 0.25, np.float32)


def told(frames, sure=0.9):
    """Return log likelihoods of sounds [S, 5] and tones [S, 6] of frames, each (sound and its part from 1 on, tone)."""
    sounds, tones = np.full((len(frames), 5), (1 - sure) / 4), np.full((len(frames), 6), (1 - sure) / 5)
    for t, (sound, tone) in enumerate(frames):
        sounds[t, sound], tones[t, tone] = sure, sure
    return np.log(sounds), np.log(tones)


def read(frames, after=EVEN):
    found = shares(*told(frames), after, SOUND, TONE, 2, 1.0)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    return ctc.greedy(np.log(np.maximum(found, 1e-9)))


def test_sounds_and_tones_make_units():
    quiet = [(0, 0)] * 3
    first, second = [(1, 1)] * 4 + [(2, 1)] * 4, [(1, 2)] * 4 + [(2, 2)] * 4
    other = [(3, 0)] * 3 + [(4, 0)] * 3
    assert read([*quiet, *first, *other, *quiet, *second]) == [1, 3, 2]


def test_a_unit_that_is_said_twice_is_written_twice():
    once = [(3, 0)] * 3 + [(4, 0)] * 3
    assert read(once) == [3]
    assert read(once * 2) == [3, 3]
    assert read([*once, *[(0, 0)] * 4, *once]) == [3, 3]


def test_a_frame_that_flickers_is_no_unit():
    frames = [(1, 1)] * 4 + [(2, 1)] * 4
    frames[5] = (3, 0)
    assert read(frames) == [1]


def test_what_follows_decides_where_sounds_do_not():
    likely = np.full((4, 4), 0.01, np.float32)
    likely[0, 3], likely[3, 2], likely[2, 0] = 0.9, 0.9, 0.9
    sounds, tones = told([*[(3, 0)] * 3, *[(4, 0)] * 3, *[(1, 0)] * 3, *[(2, 0)] * 3], 0.9)
    tones[:] = np.log(1 / 6)
    assert ctc.greedy(np.log(shares(sounds, tones, likely, SOUND, TONE, 2, 1.0) + 1e-9)) == [3, 2]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_recordings(count):
    found = shares(*told([(1, 1)] * count), EVEN, SOUND, TONE, 2, 1.0)
    assert found.shape == (count, 4)
    assert np.isfinite(found).all()


def test_pairs():
    found = pairs([[1, 2], [1, 2], [1, 3]], 4)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert found[0, 1] > 0.8
    assert found[1, 2] > found[1, 3] > found[1, 1] > 0
    rare = pairs([[1, 2], [1, 2], [1, 3]], 4, least=2)
    assert rare[1, 3] < found[1, 3]
    np.testing.assert_allclose(rare.sum(axis=1), 1.0, atol=1e-6)
