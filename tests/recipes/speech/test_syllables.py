"""Syllables of Chinese are searched with what a dictionary, transcripts or a given text tell of which follow which; characters with a given text."""

import numpy as np
import pytest

from modelwright.features.shared.chinese_rows import dictionary_rows
from modelwright.features.shared.speech_units import Units
from modelwright.models.word_ngrams import WordNgrams
from modelwright.recipes.speech._decoding import Decoder

pytest.importorskip("pypinyin")


def frames(units, heard):
    """Return log probabilities [T, V] of units by their likelihoods, three frames each."""
    out = np.full((3 * len(heard), units.size), 1e-3)
    for k, likely in enumerate(heard):
        for sign, share in likely.items():
            out[3 * k : 3 * k + 3, units.ids[sign]] = share
    return np.log(out / out.sum(1, keepdims=True))


def read(decoder, heard):
    return [w for w, _, _ in decoder.read(frames(decoder.units, heard))[1]]


def test_a_dictionary_tells_tones_that_sound_does_not():
    pytest.importorskip("jieba")
    texts = ["wo3 men5 xi3 huan1 peng2 you3", "ni3 men5 lai2 dao4 peng4", "wo3 you4 lai2", "you1 mei2 huan4 le5"] * 3
    decoder = Decoder.fit(Units.fit(texts, "finals"), texts)
    alike = {"ou1": 0.3, "ou2": 0.0, "ou3": 0.3, "ou4": 0.34}
    heard = [{"p": 1}, {"eng2": 0.5, "eng4": 0.5}, {"y": 1}, {k: v for k, v in alike.items() if v}]
    assert read(decoder, heard) == ["peng2", "you3"]
    assert Units.fit(texts, "finals").text([decoder.units.ids[max(h, key=h.get)] for h in heard]) != "peng2 you3"


def test_a_syllable_that_no_transcript_had_is_written():
    pytest.importorskip("jieba")
    texts = ["wo3 ma1", "mo4 wa1"] * 3
    decoder = Decoder.fit(Units.fit(texts, "finals"), texts)
    assert "wa4" not in decoder.units.said.said  # its final was never heard in this tone
    assert read(decoder, [{"m": 1}, {"o4": 1}]) == ["mo4"]
    assert read(decoder, [{"w": 1}, {"a1": 1}]) == ["wa1"]
    assert "ma1" in decoder.units.said.said


def test_characters_are_written_as_a_given_text_has_them(tmp_path):
    texts = ["他好", "她好", "是他", "他是我"] * 3
    lm = WordNgrams.fit([list("她是我"), list("她是我"), list("他好")], 3)
    units = Units.fit(texts, "finals")
    decoder = Decoder.fit(units, texts, lm)
    heard = [{"t": 1}, {"a1": 1}, {"sh": 1}, {"i4": 1}, {"w": 1}, {"o3": 1}]
    assert read(decoder, heard) == list("她是我")
    assert read(Decoder.fit(units, texts), heard) == list("他是我")
    state = decoder.save(tmp_path)
    again = Decoder.load(state, Units.restore(decoder.units.state(), {}), tmp_path)
    assert read(again, heard) == list("她是我")
    assert read(again.with_hot(["他是我"]), heard) == list("他是我")
    assert read(again.with_hot(["她是握", "沃"]), heard)[2] in "握沃我"
    assert "沃" in again.with_hot(["沃"]).units.said.said


def test_rows_of_a_dictionary_are_syllables_the_common_ones_often():
    pytest.importorskip("jieba")
    flat = [s for row in dictionary_rows() for s in row]
    assert flat.count("de5") > 20 * flat.count("zuan4") > 0
    assert all(s[-1] in "12345" for s in flat)
