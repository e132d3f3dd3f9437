"""Metrics of texts, held against sacrebleu; rows of one source are its references."""

import numpy as np
import pyarrow as pa
import pytest
import sacrebleu

from modelwright.core.judged import judge
from modelwright.core.task import get_task
from modelwright.evaluate.intervals import bootstrap
from modelwright.evaluate.metrics.texts import (
    BLEU,
    CHRF,
    EXACT,
    LENGTH,
    ROUGE_1,
    ROUGE_L,
    SLOTS,
    TER,
    _common,
    grouped,
)
from modelwright.evaluate.report import made_texts as text_report
from modelwright.features.shared.transcript_rules import unspaced

SAID = ["the cat sat on the mat", "Hello, world!", "a completely other thing", "nothing"]
TOLD = ["the cat sat on a mat .", "Hello world!", "some other thing entirely", "nothing at all"]


def judged(said, told, sources=None, task="translation", **more):
    made = [{"text": t, "source": s, **more} for t, s in zip(said, sources or [None] * len(said))]
    scores = np.empty((len(made), 1), object)
    scores[:, 0] = made
    values = pa.array(told)
    return judge(get_task(task).fit_target(values, None), values, scores, np.arange(1, len(said) + 1))


def test_bleu_chrf_and_ter_are_those_of_sacrebleu():
    found = judged(SAID, TOLD)
    assert BLEU(found) == pytest.approx(sacrebleu.corpus_bleu(SAID, [TOLD]).score / 100)
    assert CHRF(found) == pytest.approx(sacrebleu.corpus_chrf(SAID, [TOLD]).score / 100)
    ter = sacrebleu.metrics.TER(normalized=True, asian_support=True)
    assert TER(found) == pytest.approx(ter.corpus_score(SAID, [TOLD]).score / 100)


def test_chinese_is_cut_by_characters():
    said, told = ["我喜欢红色的猫。", "今天天气很好"], ["我喜欢红猫。", "今天的天气很好"]
    assert BLEU(judged(said, told)) == pytest.approx(sacrebleu.corpus_bleu(said, [told], tokenize="zh").score / 100)
    assert unspaced(told)
    assert not unspaced(TOLD)
    assert ROUGE_L(judged(said[:1], told[:1])) == pytest.approx(2 * 6 / (8 + 6))


def test_rows_of_one_source_are_its_references():
    said = [SAID[0], SAID[0], SAID[1], SAID[0]]
    told = ["the cat sat on the rug", TOLD[0], TOLD[1], "a cat was on the mat"]
    found = judged(said, told, ["x", "x", "y", "x"])
    assert len(grouped(found)) == 2
    references = [["the cat sat on the rug", TOLD[1]], [TOLD[0], None], ["a cat was on the mat", None]]
    assert BLEU(found) == pytest.approx(sacrebleu.corpus_bleu([SAID[0], SAID[1]], references).score / 100)
    interval = bootstrap(BLEU, found, resamples=50)
    assert interval.low <= interval.value <= interval.high


def test_plain_figures():
    found = judged(SAID, TOLD)
    assert EXACT(found) == 0
    assert EXACT(judged(TOLD, TOLD)) == 1
    assert LENGTH(judged(["a b c"], ["a b c d e f"])) == 0.5
    assert ROUGE_1(judged(["a b"], ["b c"])) == 0.5
    assert ROUGE_L(judged(["a b c d"], ["d a c"])) == pytest.approx(2 * 2 / 7)
    assert SLOTS(judged(SAID, TOLD, slots=2, missing=["a"], added=[])) == 0.5
    assert np.isnan(SLOTS(found))


@pytest.mark.parametrize("seed", range(30))
def test_longest_common_subsequence(seed):
    rng = np.random.default_rng(seed)
    a, b = ([str(c) for c in rng.choice(list("abc"), rng.integers(0, 10))] for _ in range(2))
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
    assert _common(a, b) == table[-1, -1]


def test_report():
    sources = ["a", "b c d e", "f g", "h i j k l m n o p"]
    found = judged(SAID, TOLD, sources)
    answers, length = text_report.sections(BLEU, found, None, None)
    assert answers.private
    assert answers.rows[0][0] == "3"  # the worst
    assert sum(int(r[1]) for r in length.rows) == 4
    (plot,) = text_report.plots(BLEU, found)
    assert plot.svg.startswith("<svg")
    assert plot.says.zh
