"""Word, character and sentence errors, checked against jiwer where it is installed, and what an empty truth counts."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.judged import judge
from modelwright.core.task import get_task
from modelwright.evaluate.metrics.speech import METRICS, WER
from modelwright.evaluate.report.transcripts import sections
from modelwright.features.shared.edit_distance import distance, edits
from modelwright.features.shared.transcript_rules import Rules
from modelwright.tasks.automatic_speech_recognition import TranscriptsCodec

CODEC = TranscriptsCodec("automatic-speech-recognition", Rules(language="en"))


def judged(pairs, codec=CODEC):
    said = [{"text": s, "words": [], "seconds": 1.0} for _, s in pairs]
    scores = np.empty((len(said), 1), object)
    scores[:, 0] = said
    return judge(codec, pa.array([t for t, _ in pairs]), scores, np.arange(len(pairs)))


def values(pairs, codec=CODEC):
    found = judged(pairs, codec)
    return {m.name: m(found) for m in METRICS}


def test_both_sides_are_written_by_the_rules():
    assert values([("Twenty-one, please!", "21 PLEASE")])["wer"] == 0


def test_kinds_of_errors():
    found = values([("a b c d", "a x c"), ("e f", "e f g")])
    assert found == pytest.approx(
        {"wer": 3 / 6, "cer": 3 / 6, "ser": 1.0, "substitutions": 1 / 6, "deletions": 1 / 6, "insertions": 1 / 6}
    )


def test_an_empty_truth_counts_as_a_rate():
    assert values([("", "made up")])["wer"] == 1.0
    assert values([("", "")])["wer"] == 0.0
    assert values([("a", "a"), ("", "b")])["wer"] == 1.0


def test_signs_are_words_in_chinese():
    zh = TranscriptsCodec("automatic-speech-recognition", Rules(language="zh"))
    found = values([("今天很好", "今天恨好")], zh)
    assert found["wer"] == found["cer"] == 0.25


words = st.lists(st.sampled_from(["a", "b", "cc", "d"]), max_size=6)


@given(words, words)
def test_edits_lead_from_one_to_the_other(a, b):
    found = edits(a, b)
    made = [b[j] if kind in (0, 1, 3) else None for kind, _, j in found]
    assert [w for w in made if w is not None] == b
    assert [a[i] for kind, i, _ in found if kind != 3] == a
    assert all((a[i] == b[j]) == (kind == 0) for kind, i, j in found if kind < 2)
    text, said = " ".join(a), " ".join(b)
    assert distance(text, said) == sum(k > 0 for k, _, _ in edits(text, said))


def test_as_jiwer_counts():
    jiwer = pytest.importorskip("jiwer")
    rng = np.random.default_rng(0)
    pairs = [(" ".join(rng.choice(list("abcd"), 5)), " ".join(rng.choice(list("abcd"), 4))) for _ in range(20)]
    assert WER(judged(pairs)) == pytest.approx(jiwer.wer([t for t, _ in pairs], [s for _, s in pairs]))


def test_the_report_names_speakers_and_confusions():
    from modelwright.testing import sample_table

    task = get_task("automatic-speech-recognition")
    table, target = sample_table(task, 30)
    scores = target.perfect(target.encode(table.column("text")))
    for row in scores[:, 0]:
        row["text"], row["seconds"] = row["text"].replace("low", "mid"), 1.0
    found = {s.name: s for s in sections(judge(target, table.column("text"), scores, table.rows), table)}
    assert found["confusions"].rows[0][:2] == ["low", "mid"]
    assert {r[0] for r in found["speakers"].rows} <= {f"voice {k}" for k in range(6)}
    assert found["errors"].rows[0][1] != "0"


def test_characters_that_were_never_heard_are_told():
    from modelwright.testing import sample_table

    task = get_task("automatic-speech-recognition")
    table, target = sample_table(task, 30)
    truth = target.encode(table.column("text"))
    some = judge(target, table.column("text"), target.perfect(truth), table.rows)
    learnt = [t.replace("w", "").replace(" ", "") for t in truth] + [None]
    found = next(s for s in sections(some, table, learnt) if s.name == "unheard")
    holding = sum("w" in t for t in truth)
    assert 0 < holding < 30
    assert found.rows == [["w", str(holding)]]
    assert found.private
    assert found.says.en.startswith(f"In {holding} of 30 transcripts;")
    assert "unheard" not in {s.name for s in sections(some, table, list(truth))}
    assert "unheard" not in {s.name for s in sections(some, table)}
