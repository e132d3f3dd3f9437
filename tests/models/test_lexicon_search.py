"""Words of a lexicon found in frames: by their sounds, by what stands beside them, and by what is hoped for."""

import itertools

import numpy as np
import pytest

from modelwright.models.lexicon_search import LexiconSearch, Tree
from modelwright.models.word_ngrams import BEGIN, END, WordNgrams

#                 t  uː            s  iː           iː  s  t        s  t
LEXICON = {"two": [[1, 2]], "too": [[1, 2]], "see": [[3, 4]], "east": [[4, 3, 1]], "st": [[3, 1]]}
LM = WordNgrams.fit([["see", "two"], ["see", "two"], ["two", "east"], ["too", "see"], ["st"]] * 2, 3)


def frames(units, each=3, sure=0.9, size=5):
    """Return log probabilities [T, V] of units that stand `each` frames; 0 is a blank."""
    out = np.full((len(units) * each, size), (1 - sure) / (size - 1))
    for k, unit in enumerate(units):
        out[k * each : (k + 1) * each, unit] = sure
    return np.log(out)


def said(found):
    return [w for w, _ in found]


def test_sounds_become_words_and_their_units():
    found = LexiconSearch(Tree(LEXICON), LM, 1.0, 0.0).words(frames([3, 4, 0, 1, 2]))
    assert found == [("see", [3, 4]), ("two", [1, 2])]


def test_what_sounds_alike_is_told_by_what_stands_before_and_after():
    search = LexiconSearch(Tree(LEXICON), LM, 1.0, 0.0)
    assert said(search.words(frames([3, 4, 0, 1, 2]))) == ["see", "two"]
    assert said(search.words(frames([1, 2, 0, 3, 4]))) == ["too", "see"]


def test_a_phrase_that_is_hoped_for_wins_where_sounds_do_not_tell():
    logs = frames([3, 4, 0, 1, 2])
    assert said(LexiconSearch(Tree(LEXICON), LM, 1.0, 0.0, [("see", "too")], 5.0).words(logs)) == ["see", "too"]
    assert said(LexiconSearch(Tree(LEXICON), LM, 1.0, 0.0, [("see", "east")], 5.0).words(logs)) == ["see", "two"]


def test_blanks_alone_and_no_frames_are_no_words():
    search = LexiconSearch(Tree(LEXICON), LM, 1.0, 0.0)
    assert search.words(frames([0, 0], sure=0.999)) == []
    assert search.words(np.zeros((0, 5))) == []


@pytest.mark.parametrize("seed", range(6))
def test_no_row_of_words_is_likelier_than_the_one_found(seed):
    rng = np.random.default_rng(seed)
    logs = np.log(rng.dirichlet(np.full(5, 0.4), 9))
    search = LexiconSearch(Tree(LEXICON), LM, 0.7, -0.3)

    def worth(words):
        ids = [u for w in words for u in LEXICON[w][0]]
        told = 0.7 * sum(LM.score((BEGIN, *words[:k])[-2:], w) for k, w in enumerate([*words, END])) - 0.3 * len(words)
        return best_path(logs, ids) + told

    some = [words for n in range(4) for words in itertools.product(LEXICON, repeat=n)]
    found = said(search.words(logs))
    assert worth(found) == pytest.approx(max(map(worth, some)), abs=1e-9)


def best_path(logs, ids):
    """Return the log probability of the likeliest path of CTC that writes ids."""
    states = [0, *(s for i in ids for s in (i, 0))]
    score = np.full(len(states), -1e30)
    score[:2] = logs[0, states[:2]]
    for row in logs[1:]:
        before = score.copy()
        for s in range(len(states)):
            ways = [before[s]]
            ways += [before[s - 1]] if s else []
            ways += [before[s - 2]] if s > 1 and states[s] and states[s] != states[s - 2] else []
            score[s] = max(ways) + row[states[s]]
    return max(score[-2:])
