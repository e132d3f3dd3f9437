"""Tokens: words and Han characters, hashed unknowns, nothing of a rare word kept."""

import json
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.schema import Column
from modelwright.features.shared.tokens import BIGRAMS, BUCKETS, TokenCodec, tokenize

TEXT = Column("text", "text")


def fitted(texts: list[str | None]) -> TokenCodec:
    return TokenCodec.fit(pa.array(texts, pa.string()), TEXT, None, 0)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Where's my card?", ["where's", "my", "card", "?"]),
        ("订单abc号", ["订", "单", "abc", "号"]),
        ("ＡＢＣ１２", ["abc", "12"]),  # full-width forms are folded
        ("ひらカナ 漢", ["ひ", "ら", "カ", "ナ", "漢"]),
        ("straße, ÉTÉ", ["straße", ",", "été"]),
        ("a1_b", ["a", "1", "b"]),
        ("  \t\n", []),
    ],
)
def test_words_of_spaced_scripts_and_single_han_characters(text, tokens):
    assert tokenize(text) == tokens


def test_words_of_one_row_alone_stay_out_of_the_state():
    codec = fitted(["hello zhangwei", "hello again", "again 你好", "你好 hello"])
    assert set(codec.vocabulary) == {"hello", "again", "你", "好"}
    assert "zhangwei" not in json.dumps(codec.state())
    ids = codec.encode(pa.array(["zhangwei hello"]))["ids"].values
    assert 1 <= ids[0] <= BUCKETS < ids[1] < codec.size


def test_a_word_repeated_in_one_row_is_still_rare():
    assert fitted(["secret secret secret", "other", "other"]).vocabulary == ["other"]


def test_length_is_cut_at_the_99th_percentile():
    codec = fitted(["a b"] * 199 + ["a " * 400])
    assert codec.length == 8
    assert codec.encode(pa.array(["a " * 400]))["ids"].lengths.tolist() == [8]
    assert fitted(["a " * 3000] * 4).length == 512


def test_empty_and_missing_rows_have_one_token():
    encoded = fitted(["a b", "a b"]).encode(pa.array([None, "", "a b", "   "]))
    assert encoded["ids"].lengths.tolist() == [1, 1, 2, 1]
    assert (encoded["ids"].values > 0).all()
    assert fitted([None, None]).encode(pa.array([], pa.string()))["ids"].lengths.tolist() == []


def test_bigrams_are_of_one_row_and_tell_order():
    codec = fitted(["not good", "good not"] * 2)
    pair = codec.encode(pa.array(["not good", "good not"]))["bigrams"]
    assert pair.values[0] != pair.values[2]
    alone = codec.encode(pa.array(["not good"]))["bigrams"]
    assert np.array_equal(alone.values, pair.values[:2])


def test_spans_point_at_the_tokens():
    text = "Refund 请退款 now!"
    codec = fitted([text, text])
    assert [text.lower()[a:b] for a, b in codec.spans(text)] == tokenize(text)


@given(st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=8))
def test_any_text_is_encoded_and_restored(texts):
    codec = fitted(texts)
    again = TokenCodec.restore(json.loads(json.dumps(codec.state())), codec.arrays())
    values = pa.array([None if t is None else t.encode("utf-8", "replace").decode() for t in texts], pa.string())
    one, two = codec.encode(values), again.encode(values)
    for name, most in (("ids", codec.size), ("bigrams", BIGRAMS)):
        assert np.array_equal(one[name].values, two[name].values)
        assert len(one[name]) == len(texts)
        assert ((one[name].values > 0) & (one[name].values < most)).all()
        assert (one[name].lengths >= 1).all()


def test_ten_thousand_short_texts_take_about_a_second():
    texts = [f"I was charged twice on card number {i} 请问什么时候退款" for i in range(10_000)]
    codec = fitted(texts)
    values = pa.array(texts)
    start = time.process_time()
    codec.encode(values)
    assert time.process_time() - start < 1.5
