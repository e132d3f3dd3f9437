"""CTC's frames read: greedily, aligned, by a beam with a language model; n-grams and ARPA files; time warping."""

import itertools
import math

import numpy as np
import pytest

from modelwright.core.errors import DataError
from modelwright.features.shared.speech_units import Units
from modelwright.models import ctc
from modelwright.models.ctc_beam import Search, Step, search
from modelwright.models.warping import barycentre, costs
from modelwright.models.word_ngrams import BEGIN, END, UNKNOWN, WordNgrams

TEXTS = ["the cat sat", "a hat on the mat", "the cat on a mat"]
UNITS = Units.fit(TEXTS, "characters")
STEPS = [[Step(*w) for w in ways] for ways in UNITS.writings()]


def frames(text, sure=0.9, other=None):
    """Return log probabilities in which `text` is likeliest, and `other` second where it differs."""
    rows = []
    for i, c in enumerate(text):
        for kind in (c, None):
            p = np.full(UNITS.size, 0.01)
            p[UNITS.ids[kind] if kind else 0] += sure
            if kind and other and other[i] != c:
                p[UNITS.ids[other[i]]] += sure * 0.8
            rows.append(p / p.sum())
    return np.log(np.array(rows))


def test_greedy_and_alignment():
    logs = frames("hat")
    ids = ctc.greedy(logs)
    assert UNITS.text(ids) == "hat"
    assert ctc.aligned(logs, ids).tolist() == [[0, 0], [2, 2], [4, 4]]
    assert ctc.aligned(logs[:1], ids).shape == (3, 2)  # fewer frames than units


def test_alignment_is_the_likeliest_path():
    rng = np.random.default_rng(0)
    logs = np.log(rng.dirichlet(np.ones(4), 6))
    units = [1, 1, 3]
    best = max(
        (sum(logs[t, k] for t, k in enumerate(path)), path)
        for path in itertools.product(range(4), repeat=6)
        if ctc.greedy(np.eye(4)[list(path)]) == units
    )[1]
    places = ctc.aligned(logs, units)
    found = [0] * 6
    for u, (a, b) in zip(units, places, strict=True):
        found[a : b + 1] = [u] * (b - a + 1)
    assert found == list(best)


def test_beam_sums_over_paths():
    logs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))  # the likeliest path is blank, the likeliest text is not
    assert ctc.greedy(logs) == []
    assert search(logs, [[Step("a", False, False)]], Search())[1] == ["a"]


def test_a_language_model_words_and_hot_words_decide():
    lm = WordNgrams.fit([t.split() for t in TEXTS], 3)
    logs = frames("the hat", other="the cat")
    assert search(logs, STEPS, Search())[1] == ["the", "hat"]
    assert search(logs, STEPS, Search(lm=lm, weight=1.0))[1] == ["the", "cat"]
    assert search(logs, STEPS, Search(words=frozenset({"the", "cat"})))[1] == ["the", "cat"]
    assert search(logs, STEPS, Search(hot=(("the", "cat"),)))[1] == ["the", "cat"]


def test_pinyin_is_written_by_the_language_model():
    units = Units.fit(["你好", "你好", "拟定"], "pinyin")
    assert units.signs[:2] == ("ni3", "hao3")
    lm = WordNgrams.fit([list("你好"), list("拟定"), list("拟定")], 2)
    steps = [[Step(*w) for w in ways] for ways in units.writings()]
    p = np.full((2, units.size), 0.01)
    p[0, units.ids["ni3"]] = p[1, units.ids["ding4"]] = 0.9
    assert search(np.log(p), steps, Search(lm=lm, weight=1.0))[1] == ["拟", "定"]


@pytest.mark.parametrize("least", [1, 3])
def test_probabilities_sum_to_one(least):
    rng = np.random.default_rng(0)
    sentences = [
        list(rng.choice(list("abcdef"), p=[0.4, 0.2, 0.15, 0.1, 0.1, 0.05], size=rng.integers(1, 6)))
        for _ in range(200)
    ]
    lm = WordNgrams.fit(sentences, 3, least)
    for context in [(BEGIN,), (BEGIN, "a"), ("a", "b"), ("f", "f"), ("never", "a")]:
        assert sum(math.exp(lm.score(context, w)) for w in (*lm.words, END, UNKNOWN)) == pytest.approx(1)
    again = WordNgrams.read(lm.lines(), "x.arpa")
    for s in sentences[:20]:
        assert again.whole(s) == pytest.approx(lm.whole(s), abs=1e-4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\\data\\\nngram 1=1\n\n\\1-grams:\n-1 a\n", "not a complete ARPA file"),
        ("\\data\\\nngram 1=2\n\n\\1-grams:\n-1 a\n\\end\\\n", "1 of 2 1-grams"),
        ("\\data\\\nngram 1=1\n\n\\1-grams:\nx a\n\\end\\\n", "line 5: expected a log probability"),
        ("\\data\\\nngram x\n", "line 2: expected `ngram"),
        ("\\data\\\nngram 1=1\n\n\\2-grams:\n", "line 4: expected a section"),
    ],
)
def test_damaged_arpa_files_are_named(text, says):
    with pytest.raises(DataError) as e:
        WordNgrams.read(text.splitlines(), "x.arpa")
    assert says in str(e.value)


def test_warping_equals_the_plain_recursion():
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=(n, 3)).astype(np.float32) for n in (7, 5, 9))

    def plain(x, y):
        total = np.full((len(x), len(y)), np.inf)
        for i, j in itertools.product(range(len(x)), range(len(y))):
            before = [total[p, q] for p, q in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if p >= 0 and q >= 0]
            total[i, j] = np.linalg.norm(x[i] - y[j]) + (min(before) if before else 0)
        return total

    found = costs(a, [b, c])
    assert np.allclose(found[0][:, :5], plain(a, b), atol=1e-4)
    assert np.allclose(found[1], plain(a, c), atol=1e-4)
    assert np.allclose(barycentre([a, a, a], a), a, atol=1e-5)
