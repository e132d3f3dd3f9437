"""Units, tags and their way back to spans; features of neighbours."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.features.shared import lexicon as _lexicon
from modelwright.features.shared.pieces import pieces, places
from modelwright.features.shared.spans import TEMPLATES, Tags, by_letters, features, looks, normal, tags_of


def test_units_are_words_and_single_han_with_their_places():
    text = "王芳 paid ￥12.50, ok"
    assert [text[a:b] for a, b in places(text, False)] == ["王", "芳", "paid", "￥", "12", ".", "50", ",", "ok"]
    assert places("a bc", True) == [(0, 1), (2, 3), (3, 4)]


@given(st.text(max_size=40), st.booleans())
def test_units_lie_in_order_and_leave_only_spaces_out(text, letters):
    units = places(text, letters)
    covered = {i for a, b in units for i in range(a, b)}
    assert all(x[1] <= y[0] for x, y in itertools.pairwise(units))
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)


def test_characters_are_units_where_spans_begin_inside_words():
    inside = [[{"start": 1, "end": 3, "label": "x"}]]
    assert by_letters(["abcd"], inside)
    assert not by_letters(["abcd"], [[{"start": 0, "end": 4, "label": "x"}]])
    assert not by_letters(["abcd"], [[]])


SPANS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from(["a", "b"])), max_size=4)


@given(SPANS)
def test_tags_give_back_spans_that_do_not_overlap(drawn):
    text, marked, end = "甲乙丙丁戊己庚辛壬癸子丑寅卯", [], 0
    for start, size, label in sorted(drawn):
        if start >= end:
            marked.append({"start": start, "end": start + size, "label": label})
            end = start + size
    tags = Tags(["a", "b"])
    found = tags.of(marked, places(text, False))
    assert [(a, b + 1, n) for a, b, n in tags.spans(found)] == [(s["start"], s["end"], s["label"]) for s in marked]
    follows, first, last = tags.allowed()
    assert first[found[0]]
    assert last[found[-1]]
    assert all(follows[x, y] for x, y in itertools.pairwise(found))


def test_of_overlapping_spans_the_longest_is_kept_and_unknown_labels_are_passed_over():
    tags = Tags(["a"])
    marked = [
        {"start": 0, "end": 2, "label": "a"},
        {"start": 1, "end": 4, "label": "a"},
        {"start": 4, "end": 5, "label": "z"},
    ]
    assert tags.spans(tags.of(marked, places("甲乙丙丁戊", False))) == [(1, 3, "a")]


def test_long_texts_are_cut_at_sentences_and_offsets_stay():
    text = "今天很好。" * 10
    found = pieces([text, None, "", "短"], False, 12)
    assert found.row.tolist() == [0, 0, 0, 0, 0, 3]
    assert [text[found.starts[a] : found.ends[b - 1]] for a, b in zip(found.offsets[:4], found.offsets[1:5])] == [
        "今天很好。" * 2
    ] * 4
    marked = [[{"start": 47, "end": 49, "label": "a"}], [], [], []]
    tags = Tags(["a"])
    flat = tags_of(found, marked, tags)
    at = np.flatnonzero(flat)
    assert [(found.starts[i], flat[i]) for i in at] == [(47, 1), (48, 3)]


def test_features_do_not_look_into_the_next_text():
    alone = features(looks(pieces(["甲乙"], False, 9), None), TEMPLATES)
    both = features(looks(pieces(["甲乙", "丙"], False, 9), None), TEMPLATES)
    assert np.array_equal(alone, both[:2])
    assert not np.array_equal(alone[0], alone[1])


def test_units_are_compared_in_half_width_and_lower_case_and_figures_by_length():
    assert normal("ＡＢ") == normal("ab") == "ab"
    assert normal("2026") == normal("1999") == "0000"


def test_dictionary_words_mark_their_characters():
    pytest.importorskip("jieba")
    lexicon = _lexicon.Lexicon()
    assert lexicon._front("我们在北京大学") == [(0, 2), (2, 3), (3, 7)]
    assert lexicon._behind("我们在北京大学")[-1] == (3, 7)
    marks = lexicon.marks(pieces(["我们在北京大学"], False, 99))
    assert len(set(marks["entry"][3:7].tolist())) == 1
    assert marks["ahead"][3] != marks["ahead"][4] == marks["ahead"][5] != marks["ahead"][6]


def test_without_the_dictionary_its_extra_is_named(monkeypatch):
    from modelwright.core.errors import MissingExtra

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    _lexicon._words.cache_clear()
    with pytest.raises(MissingExtra, match="chinese"):
        _lexicon._words()
