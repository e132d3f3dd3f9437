"""Hashed n-grams: the same as a plain reading of the definition, in English and Chinese, and safe to ship."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.schema import Column
from modelwright.features.shared.hashing import (
    FIGURES,
    HashIndex,
    char_ngrams,
    fold,
    fold_with_origin,
    lay_out,
    text_figures,
    word_ngrams,
    word_pairs,
)
from modelwright.features.shared.ngrams import NgramCodec, ReducedNgramCodec

COLUMN = Column("text", "text")
TEXTS = [
    "Where is my card?", "where is MY Card", "I lost my card", "卡丢了怎么办？", "我的卡丢了", "退款怎么还没到账",
    "退款多久到账", "Refund not received 退款", None, "", "  ", "a", "！", "ｗｈｅｒｅ　ｉｓ　ｍｙ　ｃａｒｄ？",
]  # fmt: skip
ALPHABET = st.text(st.sampled_from("abc dé1 _.，卡丢了かA　\n"), max_size=30)


def words_of(text: str) -> list[str]:
    return re.findall(r"[\u3005-\u30ff\u3400-\u9fff]|[^\W\u3005-\u30ff\u3400-\u9fff]+", fold(text))


def chars_of(text: str, low: int, high: int) -> list[str]:
    out = []
    for word in fold(text).split():
        padded = f" {word} "
        for n in range(low, high + 1):
            out += [padded[i : i + n] for i in range(len(padded) - n + 1)]
    return [g for g in out if g != " "]


def encoded(codec: NgramCodec, texts: list[str | None]) -> np.ndarray:
    return codec.encode(pa.array(texts, pa.string())).toarray()


@given(st.lists(ALPHABET, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_ngrams_are_those_of_the_definition(texts: list[str]) -> None:
    layout = lay_out([fold(t) for t in texts])
    names: dict[int, tuple[int, str]] = {}
    for row, text in enumerate(texts):
        found = [(h, s, n) for h, s, n in char_ngrams(layout, 1, 4)]
        hashes = np.concatenate([h[layout.rows[s] == row] for h, s, _ in found])
        expected = chars_of(text, 1, 4)
        assert len(hashes) == len(expected)
        assert len(set(hashes.tolist())) == len(set(expected))
        (words, at, _), *pairs = list(word_ngrams(layout))
        mine = words[layout.rows[at] == row].tolist()
        assert len(mine) == len(words_of(text))
        for key, word in zip(mine, words_of(text), strict=True):
            assert names.setdefault(key, (0, word)) == (0, word)
        bigrams = sum(int((layout.rows[p[1]] == row).sum()) for p in pairs)
        assert bigrams == max(0, len(mine) - 1)


def test_a_row_alone_is_encoded_as_among_others() -> None:
    codec = NgramCodec.fit(pa.array(TEXTS), COLUMN, None, 0)
    together = encoded(codec, TEXTS)
    for i, text in enumerate(TEXTS):
        assert np.allclose(encoded(codec, [text])[0], together[i], atol=1e-6)


def test_width_case_and_spaces_do_not_matter() -> None:
    codec = NgramCodec.fit(pa.array(TEXTS), COLUMN, None, 0)
    plain, wide, spaced = encoded(
        codec, ["where is my card?", "ＷＨＥＲＥ　ｉｓ　ｍｙ　ｃａｒｄ？", " where  is\tmy\ncard? "]
    )
    assert np.array_equal(plain, wide)
    assert np.array_equal(plain, spaced)
    assert not np.array_equal(plain, encoded(codec, ["where is my refund?"])[0])


def test_blocks_have_their_lengths_and_missing_texts_are_empty() -> None:
    codec = NgramCodec.fit(pa.array(TEXTS), COLUMN, None, 0)
    matrix = encoded(codec, ["where is my card", "卡丢了", None, "", "zzz"])
    words = len(codec.arrays()["word.hashes"])
    for row in (0, 1):
        assert np.linalg.norm(matrix[row, :words]) == pytest.approx(0.6, abs=1e-5)
        assert np.linalg.norm(matrix[row, words:]) == pytest.approx(1.0, abs=1e-5)
    assert not matrix[2:4].any()


def test_what_one_row_alone_holds_is_not_kept() -> None:
    shared = ["the queue is long"] * 3
    with_secret = NgramCodec.fit(pa.array([*shared, "Zyxwvu 13800138000"]), COLUMN, None, 0)
    without = NgramCodec.fit(pa.array([*shared, "the"]), COLUMN, None, 0)
    assert set(with_secret.arrays()["word.hashes"]) == set(without.arrays()["word.hashes"])
    told = pa.array(["Zyxwvu 13800138000"])  # a character that others wrote too is all that is known of it
    assert (with_secret.encode(told) != without.encode(told)).nnz == 0
    assert "queue" not in json.dumps(with_secret.state())
    assert all(a.dtype.kind in "uf" for a in with_secret.arrays().values())


def test_the_most_frequent_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NgramCodec, "max_features", 5)
    texts = pa.array(["卡"] * 9 + ["款项"] * 3)
    codec = NgramCodec.fit(texts, COLUMN, None, 0)
    assert codec.width == 5
    assert codec.encode(pa.array(["卡"])).nnz > codec.encode(pa.array(["项"])).nnz


@given(ALPHABET)
@settings(max_examples=60, deadline=None)
def test_spans_name_the_features_and_lie_in_the_text(text: str) -> None:
    codec = NgramCodec.fit(pa.array([text, text, "abc 卡丢了"]), COLUMN, None, 0)
    ids, starts, ends = codec.spans(text)
    assert set(ids.tolist()) == set(codec.encode(pa.array([text])).indices.tolist())
    assert ((starts >= 0) & (ends > starts) & (ends <= len(text))).all()


def test_spans_point_at_the_original_characters() -> None:
    text = "Ｍy   Card, 我的卡"
    codec = NgramCodec.fit(pa.array([text, text]), COLUMN, None, 0)
    shown = {text[a:b] for _, a, b in zip(*codec.spans(text), strict=True)}
    assert {"Ｍy", "Card", "Ｍy   Card", "卡", "的卡"} <= shown


@given(ALPHABET)
@settings(deadline=None)
def test_folding_with_origin_folds_alike(text: str) -> None:
    folded, origin = fold_with_origin(text)
    assert folded == fold(text)
    assert len(origin) == len(folded)


def test_index_finds_all_and_only_its_keys() -> None:
    rng = np.random.default_rng(0)
    keys = np.unique(rng.integers(0, 1 << 63, 20_000, dtype=np.uint64) * 2)
    index = HashIndex(keys)
    asked = np.concatenate([keys[::2], keys[::2] + np.uint64(1)])
    expected = np.concatenate([np.arange(0, len(keys), 2), np.full(len(keys[::2]), -1)])
    assert np.array_equal(index.find(asked), expected)
    for part in np.array_split(np.arange(len(asked)), 10):
        assert np.array_equal(index.find(asked[part]), expected[part])
    assert HashIndex(keys[:0]).find(asked).max() == -1


def test_state_round_trip() -> None:
    values = pa.array(TEXTS)
    for kind in (NgramCodec, ReducedNgramCodec):
        codec = kind.fit(values, COLUMN, None, 0)
        again = kind.restore(json.loads(json.dumps(codec.state())), codec.arrays())
        first, second = codec.encode(values), again.encode(values)
        if kind is NgramCodec:
            first, second = first.toarray(), second.toarray()
        assert np.array_equal(first, second, equal_nan=True)


def test_nothing_but_missing_texts() -> None:
    values = pa.array([None, None], pa.string())
    codec = NgramCodec.fit(values, COLUMN, None, 0)
    assert codec.encode(values).shape == (2, 0)
    reduced = ReducedNgramCodec.fit(values, COLUMN, None, 0)
    assert np.isnan(reduced.encode(values)).all()
    assert np.isfinite(reduced.encode(pa.array(["seen later"]))).all()


def test_reduced_tells_topics_apart_and_repeats() -> None:
    rng = np.random.default_rng(0)
    topics = [["退款", "到账", "多久", "钱"], ["快递", "物流", "包裹", "派送"]]
    truth = rng.integers(0, 2, 300)
    texts = pa.array(["".join(rng.choice(topics[t], 3)) for t in truth])
    codec = ReducedNgramCodec.fit(texts, COLUMN, None, 0)
    matrix = codec.encode(texts)
    assert matrix.dtype == np.float32
    centres = np.stack([matrix[truth == t, :-FIGURES].mean(axis=0) for t in (0, 1)])
    nearest = ((matrix[:, None, :-FIGURES] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == truth).mean() > 0.95
    assert np.array_equal(matrix, ReducedNgramCodec.fit(texts, COLUMN, None, 0).encode(texts))
    figures = codec.encode(pa.array(["AB1 卡!"]))[0, -FIGURES:]
    assert figures[:6] == pytest.approx([6, 3, 1 / 6, 2 / 6, 1 / 6, 1 / 6])


def test_figures_of_a_text() -> None:
    figures = text_figures(["One two. Two three, extraordinary! Is it? 3.5 miles", "第一句。第二句！", ""])
    assert figures[0, 6] == 3  # 3.5 ends no sentence
    assert figures[0, 8] == 7  # one two three extraordinary is it miles
    assert figures[0, 9] == pytest.approx(7 / 8**0.5)
    assert figures[0, 12] == pytest.approx(1 / 8)
    assert figures[1, 6] == 2
    assert not figures[2].any()


def test_long_texts_bring_figures_to_linear_models_and_short_ones_do_not() -> None:
    short = pa.array(["a few words", "some more words"] * 4)
    assert NgramCodec.fit(short, COLUMN, None, 0).encode(short).shape[1] == NgramCodec.fit(short, COLUMN, None, 0).width
    long = pa.array([*("word by word. " * n for n in (40, 60, 80, 100)), None, ""])
    codec = NgramCodec.fit(long, COLUMN, None, 0)
    matrix = codec.encode(long).toarray()[:, codec.width :]
    assert matrix.shape[1] == FIGURES
    assert (np.diff(matrix[:4, 0]) > 0).all()  # longer is more
    assert not matrix[4:].any()
    again = NgramCodec.restore(codec.state(), codec.arrays()).encode(long).toarray()[:, codec.width :]
    assert np.array_equal(again, matrix)


def test_pairs_are_words_of_one_row_near_one_another_in_either_order() -> None:
    layout = lay_out([fold(t) for t in ("one two three four five six", "six one", "two one")])
    found: dict[tuple[int, int], list[str]] = {}
    for hashes, starts, ends in word_pairs(layout):
        for h, start, end in zip(hashes.tolist(), starts.tolist(), ends.tolist(), strict=True):
            told = "".join(map(chr, layout.codes[start:end]))
            found.setdefault((int(layout.rows[start]), h), []).append(told)
    by_row = [{h for r, h in found if r == row} for row in range(3)]
    assert [len(h) for h in by_row] == [14, 1, 1]  # of fifteen pairs of six words one is five words apart
    assert not by_row[1] & by_row[0]
    assert by_row[2] < by_row[0]
    assert sum(map(len, found.values())) == 16


def test_a_codec_with_pairs_answers_a_row_alone_and_after_it_was_kept() -> None:
    column = Column("t", "text", options={"pairs": True})
    codec = NgramCodec.fit(pa.array(TEXTS * 2), column, None, 0)
    plain = NgramCodec.fit(pa.array(TEXTS * 2), COLUMN, None, 0)
    assert codec.width > plain.width
    together = encoded(codec, TEXTS)
    assert np.allclose(together[:, : plain.width], encoded(plain, TEXTS), atol=1e-6)
    norms = np.linalg.norm(together[:, plain.width :], axis=1)
    assert norms.max() == pytest.approx(0.6, abs=1e-5)
    assert np.all((norms == 0) | np.isclose(norms, 0.6, atol=1e-5))
    again = NgramCodec.restore(codec.state(), codec.arrays())
    for i, text in enumerate(TEXTS):
        places, data = again.one(pa.array([text]))
        row = np.zeros(codec.width, np.float32)
        row[places] = data
        assert np.allclose(row, together[i], atol=1e-6)
    text = next(t for t in TEXTS if t and encoded(codec, [t])[0, plain.width :].any())
    ids, starts, ends = codec.spans(text)
    assert set(ids.tolist()) == set(codec.encode(pa.array([text])).indices.tolist())
    assert ((starts >= 0) & (ends > starts) & (ends <= len(text))).all()
