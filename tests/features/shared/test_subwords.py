"""Subwords: every text comes back as it was, in any script."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import OptionError
from modelwright.features._spm import tokenizer_of
from modelwright.features.shared.subwords import Subwords, clean, padded
from seq2seq_made import PIECES, spm

TEXTS = ["the red cat likes the dog", "红色的猫喜欢狗，价格１２元。", "A price of 12.50 £, for you!", "naïve café"] * 5


@pytest.fixture(scope="module")
def pieces():
    return Subwords.fit(TEXTS, 300)


def back(pieces, text):
    return pieces.decode(pieces.encode([text]).values.tolist())


@pytest.mark.parametrize(
    "text", [*TEXTS[:4], "ｆｕｌｌ ｗｉｄｔｈ（全角）", "𠮷野家 🦉", "<pad> </s> <0x41>", "two  spaces\nand a line"]
)
def test_texts_come_back(pieces, text):
    assert back(pieces, text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back(text):
    pieces = _PIECES[0] if _PIECES else Subwords.fit(TEXTS, 300)
    _PIECES[:] = [pieces]
    assert back(pieces, text) == clean(text)


_PIECES = []


def test_chinese_is_merged_without_spaces(pieces):
    assert len(pieces.encode(["红色的猫喜欢狗"]).values) < 7


def test_what_is_rare_is_spelt_in_bytes():
    pieces = Subwords.fit([*TEXTS, "Zwölfboxkämpfer 鱻"], 300)
    assert "鱻" not in json.dumps(pieces.state(), ensure_ascii=False)
    assert back(pieces, "鱻") == "鱻"


def test_state_comes_back(pieces):
    again = Subwords.restore(json.loads(json.dumps(pieces.state())), pieces.arrays())
    assert np.array_equal(again.encode(TEXTS).values, pieces.encode(TEXTS).values)
    assert again.encode(TEXTS, 3).lengths.max() == 3


def test_padding(pieces):
    rows = pieces.encode(["the", "", "the red cat"])
    out = padded(rows, np.array([2, 1]))
    assert out.shape == (2, rows.lengths[2])
    assert (out[1] == 0).all()
    assert padded(rows, np.array([1])).shape == (1, 1)


def test_a_sentencepiece_model_is_read():
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(tokenizer_of(spm(PIECES), "x"))
    assert made.encode("a  b猫 ").tokens == ["\u2581a", "\u2581b", "猫"]
    assert made.decode(made.encode("a b猫").ids) == "a b猫"


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff", b"nothing of the kind", spm(PIECES)[:-3], b"\x0a\x7f\x00"])
def test_what_is_no_sentencepiece_model_is_refused(data):
    with pytest.raises(OptionError, match=r"x\.model"):
        tokenizer_of(data, "x.model")
