"""Searching passages: what says the same in other words, and how far the first passage is ahead of all that is said."""

import numpy as np
import pytest

from modelwright.data.passages import Passage
from modelwright.models.knowledge import FEATURES, Asked, Knowledge
from modelwright.models.retrieval import unit

CROWD, LEAD = FEATURES.index("crowd"), FEATURES.index("lead")


def name(subject, source):
    return f"{'abcdefghij'[subject]}{'klm'[source]}ord"


def form(subject):
    return " ".join(f"{'abcdefghij'[subject]}{word}" for word in ("opening", "hours", "office"))


def sourced(subjects, sources, words=name):
    """Return entries of several sources on each subject, with vectors near to each other by subject."""
    rng = np.random.default_rng(0)
    passages, vectors = [], []
    for subject in range(subjects):
        for source in range(sources):
            word = words(subject, source)
            passages.append(Passage("faq.csv", "shared", f"{word}?", f"{word}", asked=(f"{word}?",)))
            vectors.append(8 * np.eye(subjects)[subject] + rng.normal(0, 1, subjects))
    made = unit(np.array(vectors))
    return passages, (made, made.copy())


def test_entries_of_other_sources_say_the_same_where_they_are_near():
    passages, vectors = sourced(10, 3)
    k = Knowledge(passages, "vectors", embed=lambda t: vectors[0][: len(t)], vectors=vectors)
    assert k.alike([0, 4, 29]) == [{1, 2}, {3, 5}, {27, 28}]
    assert k.alike([]) == []
    assert Knowledge(passages).alike([0, 1]) == [set(), set()], "words alone do not tell"
    assert k.alike(list(range(30)))[29] == {27, 28}
    documents = [Passage(p.document, p.tenant, "", p.text) for p in passages[:2]]
    k = Knowledge([*documents, *passages[2:]], "vectors", vectors=(vectors[0], vectors[1][2:]))
    assert k.alike([2]) == [set()], "what stores no question is no entry"


def test_how_near_is_told_by_the_collection_and_forms_are_told_apart():
    passages, vectors = sourced(10, 3)
    # an encoder under which everything is near: all vectors share a large part
    narrow = unit(np.concatenate([vectors[0], np.full((30, 1), 2.0)], axis=1))
    assert (narrow @ narrow.T).min() > 0.6
    k = Knowledge(passages, "vectors", vectors=(narrow, narrow))
    assert k.alike([0, 29]) == [{1, 2}, {27, 28}]
    # questions and answers in the same words but for one speak of different things, however near they are
    forms, _ = sourced(10, 3, lambda subject, source: f"{form(subject)} {name(subject, source)}")
    assert Knowledge(forms, "vectors", vectors=vectors).alike([0, 29]) == [set(), set()]


def test_several_wordings_count_by_their_mean():
    passages, (texts, titles) = sourced(10, 2)
    more = [
        Passage(p.document, p.tenant, p.heading, p.text, asked=(p.asked[0], f"{p.asked[0]} again")) for p in passages
    ]
    # one of the second entry's wordings is as the first's, the other is about another subject
    doubled = np.repeat(titles, 2, axis=0)
    doubled[2], doubled[3] = titles[0], titles[19]
    assert Knowledge(more, "vectors", vectors=(texts, doubled)).alike([0]) == [{1}]
    # beside an answer that is far, neither the best of the wordings counts nor their mean drawn to length 1
    texts[1] = 0.5 * texts[0] + np.sqrt(1 - 0.5**2) * unit((texts[19] - texts[19] @ texts[0] * texts[0])[None])[0]
    assert Knowledge(more, "vectors", vectors=(texts, doubled)).alike([0]) == [set()]
    doubled[3] = titles[0]
    assert Knowledge(more, "vectors", vectors=(texts, doubled)).alike([0]) == [{1}]


@pytest.mark.parametrize("k", [1, 3, 15])
def test_the_crowd_begins_at_the_tenth(k):
    rising = np.linspace(0.1, 0.9, 15)
    vectors = np.stack([rising, np.sqrt(1 - rising**2)], axis=1).astype(np.float32)
    passages = [Passage("a.md", "shared", "", f"text {i}") for i in range(15)]
    found = Knowledge(passages, "vectors", embed=lambda t: np.array([[1.0, 0.0]]), vectors=(vectors, vectors[:0]))
    features = found.find([Asked("asked")], k)[0].features
    assert features[CROWD] == pytest.approx((rising[14] - rising[5]) / rising[14], abs=1e-5)
    assert features[LEAD] == pytest.approx((rising[14] - rising[13]) / rising[14], abs=1e-5)
    few = Knowledge(
        passages[-3:], "vectors", embed=lambda t: np.array([[1.0, 0.0]]), vectors=(vectors[-3:], vectors[:0])
    )
    assert few.find([Asked("asked")], k)[0].features[CROWD] == pytest.approx(
        (rising[14] - rising[12]) / rising[14], abs=1e-5
    )
    one = Knowledge(
        passages[-1:], "vectors", embed=lambda t: np.array([[1.0, 0.0]]), vectors=(vectors[-1:], vectors[:0])
    )
    assert one.find([Asked("asked")], k)[0].features[CROWD] == pytest.approx(1)


def test_by_words_the_crowd_is_of_those_that_share_any():
    passages = [Passage("a.md", "shared", "", f"alder {'birch ' * (i < 12)}") for i in range(20)]
    k = Knowledge([Passage("a.md", "shared", "", "alder cedar"), *passages])
    assert k.find([Asked("cedar")])[0].features[CROWD] == pytest.approx(1)
    assert 0 < k.find([Asked("cedar alder")])[0].features[CROWD] < 1


@pytest.mark.parametrize(
    ("subjects", "cosine", "same"), [(50, 0.52, True), (50, 0.48, False), (200, 0.52, False), (200, 0.58, True)]
)
def test_the_more_entries_there_are_the_nearer_they_must_be(subjects, cosine, same):
    one = np.eye(2 * subjects, dtype=np.float32)[:subjects]
    other = cosine * one + np.sqrt(1 - cosine**2) * np.eye(2 * subjects, dtype=np.float32)[subjects:]
    vectors = np.concatenate([one, other])
    passages = [Passage("faq.csv", "shared", "", f"a{i}", asked=(f"q{i}",)) for i in range(2 * subjects)]
    assert Knowledge(passages, "vectors", vectors=(vectors, vectors)).alike([0]) == [{subjects} if same else set()]


def test_what_others_passages_hold_says_nothing_of_how_rare_a_word_is():
    everybody = [
        Passage("pay.md", "shared", "Paying", "Pay by card or bank transfer."),
        Passage("send.md", "shared", "Sending", "Parcels take two days."),
    ]
    theirs = [Passage("a.md", "aster", "Aster", "Aster pays within forty days."), Passage("a.md", "aster", "Aster", "Aster sends parcels.")]  # fmt: skip
    without, k = Knowledge(everybody), Knowledge([*everybody, *theirs])
    for tenant in (None, "borealis"):
        asked = Asked("When does Aster pay?", tenant)
        assert k.mass(asked) == without.mass(asked)
        assert k.find([asked], 1)[0].features[FEATURES.index("text")] == without.find([asked], 1)[0].features[FEATURES.index("text")]  # fmt: skip
    known = k.mass(Asked("When does Aster pay?", "aster"))
    assert known == Knowledge([*everybody, *(Passage(p.document, "shared", p.heading, p.text) for p in theirs)]).mass(Asked("When does Aster pay?"))  # fmt: skip
    assert known["aster"] < without.mass(Asked("aster"))["aster"]
