"""What a recogniser is told of frames at its beginning: units where they sound, not evenly spread; tones of a final are alike."""

import numpy as np

from modelwright.features.base import Ragged
from modelwright.features.shared.speech import Front
from modelwright.features.shared.speech_units import Units
from modelwright.train.frame_alignment import Laid
from modelwright.train.utterances import Utterance, UtteranceFeed, speech_of

RATE = 8000
HERTZ = {"a": (250, 900), "b": (500, 1900), "c": (1200, 3000)}


def recordings(texts, seed=0):
    """Return recordings of letters as chords of very different lengths, and the frames where each begins."""
    rng = np.random.default_rng(seed)
    parts, begins = [], []
    for text in texts:
        sizes = rng.choice([10, 45], len(text))
        quiet = np.zeros(1600)
        sounds = [
            0.2 * sum(np.sin(2 * np.pi * h * np.arange(80 * n) / RATE) for h in HERTZ[c]) for c, n in zip(text, sizes)
        ]
        whole = np.concatenate([quiet, *sounds, quiet]) + 1e-4 * rng.standard_normal(3200 + 80 * int(sizes.sum()))
        parts.append((32767 * whole / 2).astype(np.int16))
        begins.append(20 + np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    return Ragged(np.concatenate(parts), np.cumsum([0, *map(len, parts)])), begins


def made(texts):
    held, begins = recordings(texts)
    units = Units.fit(texts, "characters")
    ids, front = units.encode(texts), Front(RATE, 40, 1)
    speech = speech_of(held, front)
    return held, begins, units, ids, front, speech


TEXTS = ["abc", "cab", "bca", "acb", "bac", "cba", "abac", "cbcb"] * 3


def test_units_lie_where_they_sound():
    held, begins, units, ids, front, speech = made(TEXTS)
    laid = Laid(held, ids, speech, front, units.sounds())
    apart, even = [], []
    for row, begin in enumerate(begins):
        found = laid(row)
        starts = np.flatnonzero((np.diff(np.concatenate([[0], found])) != 0) & (found > 0))
        assert [units.signs[u - 1] for u in found[starts]] == list(TEXTS[row])
        apart += np.abs(starts - begin).tolist()
        on = np.flatnonzero(speech[row])
        even += np.abs(on[np.arange(len(begin)) * len(on) // len(begin)] - begin).tolist()
    assert np.median(apart) <= 5
    assert np.mean(apart) < 0.5 * np.mean(even)


def test_the_same_unit_twice_has_a_blank_between_and_what_does_not_fit_is_told_evenly():
    texts = [*TEXTS, "aab", "abcabcabcabcabcabcabcabcabcabcabcabc"]
    held, _, units, ids, front, speech = made(texts)
    short = Ragged(
        np.concatenate([held.values[: held.offsets[-2]], held.values[: 80 * 30]]),
        np.append(held.offsets[:-1], held.offsets[-2] + 2400),
    )
    laid = Laid(short, ids, [*speech[:-1], np.ones(28, bool)], front, units.sounds())
    twice = laid(len(texts) - 2)
    first = np.flatnonzero(twice == units.ids["a"])
    assert (np.diff(first) > 1).any()
    assert laid(len(texts) - 1) is None


def test_the_feed_tells_them_throughout():
    held, begins, units, ids, front, speech = made(TEXTS)
    from modelwright.recipes.speech._frames import FrameOptions

    options = FrameOptions(join=0.0, noise=0.0, room=0.0, speed=0.0, warp=0.0, edge=0.0, step=2)
    feed = UtteranceFeed(
        held, ids, [], front, 10.0, options, 1, 2, speech, False, Laid(held, ids, speech, front, units.sounds())
    )
    for number in (0, 500):  # at the beginning, and late
        feed.epoch(np.random.default_rng(0), number)
        _, truth = feed.load([Utterance((0,), 1)], "cpu")
        assert 0 < float(truth["flat_share"]) <= 1
        flat = truth["flat"][0].numpy()
        for letter, begin in zip(TEXTS[0], begins[0]):
            assert flat[(begin + 6) // 2] == units.ids[letter]


def test_tones_sound_alike():
    units = Units.fit(["ma1 ma2 ni3", "shi4 shi1"], "finals")
    sounds = units.sounds()
    assert len(sounds) == units.size
    assert sounds[units.ids["a1"]] == sounds[units.ids["a2"]] != sounds[units.ids["i3"]]
    assert sounds[units.ids["i4"]] == sounds[units.ids["i1"]]
