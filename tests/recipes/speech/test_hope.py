"""Words that are hoped for: where units are whole words they take the place of others, and never add one."""

import numpy as np
import pytest

from modelwright.features.shared.speech_units import Units
from modelwright.recipes.speech._decoding import Decoder

UNITS = Units.fit(["low mid high", "low low mid high", "none other word here"], "words")


def frames(*told):
    """Return log probabilities [T, V]: for each word its likelihoods in one frame, and a frame of blank, unsure, before each."""
    rows = []
    for likely in told:
        for shares in ({}, likely):
            p = np.full(UNITS.size, 0.03)
            p[0] = 0.6 if not shares else 0.1
            for word, share in shares.items():
                p[UNITS.ids[word]] = share
            rows.append(p / p.sum())
    return np.log(np.array(rows))


def words(decoder, logs):
    return [w for w, _, _ in decoder.read(logs)[1]]


@pytest.mark.parametrize("searched", [False, True])
def test_a_hoped_for_word_takes_the_place_of_one_that_is_little_likelier(searched):
    decoder = Decoder.fit(UNITS, ["low mid high"] * 3)
    if searched:
        decoder = Decoder(UNITS, decoder.how.__class__(bonus=-0.5))
    logs = frames({"low": 0.5, "mid": 0.4}, {"high": 0.9}, {"low": 0.9})
    assert words(decoder, logs) == ["low", "high", "low"]
    assert words(decoder.with_hot(["mid"]), logs) == ["mid", "high", "low"]
    assert words(decoder.with_hot(["high mid"]), logs) == ["mid", "high", "low"]
    assert words(decoder.with_hot(["something else"]), logs) == ["low", "high", "low"]


@pytest.mark.parametrize("hoped", [["mid"], ["mid", "high"], ["mid high"], list(UNITS.signs)])
def test_hope_adds_no_word(hoped):
    decoder = Decoder(UNITS, Decoder.fit(UNITS, ["low"]).how.__class__(bonus=-2.0))
    rng = np.random.default_rng(0)
    for _ in range(20):
        logs = np.log(rng.dirichlet(np.r_[2.0, np.full(UNITS.size - 1, 0.3)], 30))  # a network that is sure of nothing
        assert len(words(decoder.with_hot(hoped), logs)) == len(words(decoder, logs))


def test_where_all_words_are_hoped_for_none_is():
    decoder = Decoder.fit(UNITS, ["low mid high"] * 3)
    logs = frames({"low": 0.5, "mid": 0.4}, {"high": 0.5, "low": 0.45})
    assert words(decoder.with_hot(list(UNITS.signs)), logs) == words(decoder, logs) == ["low", "high"]
