"""What a report shows of transcripts: errors by kind, by speaker and by length, words taken for others, the worst answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from modelwright.core.judged import Judged
from modelwright.core.schema import Table
from modelwright.core.task import Section
from modelwright.core.words import Words, counted, shortened
from modelwright.evaluate.metrics.speech import CER, METRICS, SER, WER, parts, sides
from modelwright.features.shared.edit_distance import edits, matched
from modelwright.features.shared.speech import samples_of
from modelwright.features.shared.transcript_rules import words_of

_SHOWN = 10  # rows of a table of examples
_PAIRS = 20
_BINS = 4
_LONGEST = 240  # characters of a cell
_HEARD, _SECONDS, _RATE = 300, 10.0, 8000  # recordings that are listened to, their first seconds, samples a second
_STRETCHES = 15  # of 20 ms at least
_LEVELS = ((-1.0, 10.0, "< 10 dB"), (10.0, 20.0, "10 - 20 dB"), (20.0, 35.0, "20 - 35 dB"), (35.0, 1e9, "> 35 dB"))
_OFTEN = 2  # times that a pair of words is confused before it is shown


def sections(judged: Judged, test: Table, learnt: Sequence[str | None] = ()) -> list[Section]:
    """Return the tables of the report; those that would have no rows are left out. `learnt` are the texts that were learnt from, by the rules."""
    if not len(judged.rows):
        return []
    told = parts(judged)
    found = [
        _kinds(told),
        _confused(judged),
        *_unheard(judged, learnt),
        *_by_group(judged, test),
        _by_length(judged, told),
        _by_noise(judged, test),
        _confidence(judged),
        _worst(judged, told),
    ]
    return [s for s in found if s.rows]


def _kinds(told: np.ndarray) -> Section:
    total = told.sum(axis=0)
    words = int(total[3])
    names = (
        Words("taken for another", "替换"), Words("left out", "删除"), Words("added", "插入"),
    )  # fmt: skip
    rows: list[list[str | Words]] = [
        [name, f"{int(total[k]):,}", f"{total[k] / max(1, words):.2%}"] for k, name in enumerate(names)
    ]
    wrong = int(told[:, 6].sum())
    return Section(
        "errors", Words("Errors by kind", "错误类型"),
        Words(
            f"Of {words:,} words said in {len(told):,} recordings; {wrong:,} recordings have an error.",
            f"{len(told):,} 段录音共 {words:,} 个词；其中 {wrong:,} 段有错误。",
        ),
        (Words("error", "错误"), Words("words", "词数"), Words("share", "比例")), rows,
    )  # fmt: skip


def _confused(judged: Judged) -> Section:
    pairs: Counter[tuple[str, str]] = Counter()
    for truth, said in sides(judged):
        if truth == said:
            continue
        a, b = words_of(truth), words_of(said)
        for kind, i, j in edits(a, b):
            if kind:
                pairs[(a[i] if kind != 3 else "∅", b[j] if kind != 2 else "∅")] += 1
    rows = [[t, s, str(n)] for (t, s), n in sorted(pairs.items(), key=lambda p: (-p[1], p[0]))[:_PAIRS] if n >= _OFTEN]
    return Section(
        "confusions", Words("Words taken for others", "易混淆的词"),
        Words("What was said and what was heard instead, most often first; ∅ is no word.", "实际所说与识别结果，按次数排列；∅ 表示没有词。"),
        (Words("said", "实际"), Words("heard", "识别为"), Words("times", "次数")), rows, private=True,
    )  # fmt: skip


def _unheard(judged: Judged, learnt: Sequence[str | None]) -> list[Section]:
    """Return the characters of what was said that stand in no text that was learnt from."""
    known = set().union(*(t for t in learnt if t))
    if not known:
        return []
    missing = [set(truth) - known - {" "} for truth, _ in sides(judged)]
    counts = Counter(c for row in missing for c in row)
    with_one = sum(map(bool, missing))
    return [
        Section(
            "unheard", Words("Characters never heard in training", "训练中从未出现的字符"),
            Words(
                f"In {with_one:,} of {counted(len(missing), 'transcript')}; the recogniser can hardly write them: give it recordings where they are said.",
                f"{len(missing):,} 条转写文本中有 {with_one:,} 条含有这些字符，识别模型几乎无法写出；请提供说到它们的录音。",
            ),
            (Words("character", "字符"), Words("recordings", "录音数")),
            [[c, str(n)] for c, n in sorted(counts.items(), key=lambda p: (-p[1], p[0]))[:_PAIRS]], private=True,
        )
    ]  # fmt: skip


def _by_group(judged: Judged, test: Table) -> list[Section]:
    """Return the rates of each speaker, where speakers are known."""
    groups = [c.name for c in test.schema.of_role("group") if c.name in test]
    if not groups:
        return []
    name_of = dict(zip(test.rows.tolist(), test.column(groups[0]).to_pylist(), strict=True))
    names = np.array([str(name_of.get(int(r), "")) for r in judged.rows])
    rows = []
    for name in sorted(set(names.tolist()), key=lambda n: (-int((names == n).sum()), n))[:40]:
        part = judged.take(np.flatnonzero(names == name))
        rows.append([name, str(len(part.rows)), f"{WER(part):.2%}", f"{CER(part):.2%}", f"{SER(part):.2%}"])
    return [
        Section(
            "speakers", Words("By speaker", "按说话人"),
            Words("Who is understood worse than others needs recordings of voices like theirs.", "识别较差的说话人，需要更多与其嗓音相近的录音。"),
            (Words("speaker", "说话人"), Words("recordings", "录音数"), WER.title, CER.title, SER.title), rows, private=True,
        )
    ]  # fmt: skip


def _by_length(judged: Judged, told: np.ndarray) -> Section:
    seconds = np.array([float(s["seconds"]) for s in judged.scores[:, 0]])
    rows = []
    if seconds.max(initial=0) > 0:
        edges = np.unique(np.quantile(seconds, np.linspace(0, 1, _BINS + 1)))
        place = np.clip(np.searchsorted(edges, seconds, side="right") - 1, 0, max(0, len(edges) - 2))
        for b in np.unique(place):
            index = np.flatnonzero(place == b)
            part = judged.take(index)
            span = f"{seconds[index].min():.1f} - {seconds[index].max():.1f} s"
            rows.append([span, str(len(index)), *(f"{m(part):.2%}" for m in METRICS[:3])])
    return Section(
        "length", Words("By length of the recording", "按录音长度"),
        Words("Recordings from short to long.", "录音由短到长。"),
        (Words("length", "长度"), Words("recordings", "录音数"), WER.title, CER.title, SER.title), rows,
    )  # fmt: skip


def _by_noise(judged: Judged, test: Table) -> Section:
    """Return the rates by how far speech stands above what sounds beside it, of some recordings."""
    name = next((c.name for c in test.schema.inputs if c.modality == "audio"), None)
    place = {int(r): i for i, r in enumerate(test.rows)}
    index = np.sort(np.random.default_rng(0).permutation(len(judged.rows))[:_HEARD])
    cells = test.column(name) if name is not None else None
    found = (
        {int(i): above(samples_of(cells[place[int(judged.rows[i])]].as_py(), _RATE, _SECONDS)) for i in index}
        if cells is not None
        else {}
    )
    rows = []
    for low, high, said in _LEVELS:
        part = np.array([i for i, v in found.items() if v is not None and low <= v < high], np.int64)
        if len(part):
            some = judged.take(part)
            rows.append([said, str(len(part)), *(f"{m(some):.2%}" for m in METRICS[:3])])
    return Section(
        "noise", Words("By noise", "按噪声"),
        Words(
            "How far speech stands above what sounds beside it, in decibels; recordings without a pause to compare with are left out.",
            "语音高出背景声的分贝数；没有停顿可供比较的录音不计入。",
        ),
        (Words("above the noise", "高出噪声"), Words("recordings", "录音数"), WER.title, CER.title, SER.title), rows,
    )  # fmt: skip


def above(samples: np.ndarray) -> float | None:
    """Return by how many decibels the loud stretches of 20 ms of samples [T] stand above the quiet ones; None where there are too few to tell."""
    size = _RATE // 50
    count = len(samples) // size
    if count < _STRETCHES:
        return None
    power = np.mean(np.square(samples[: count * size], dtype=np.float64).reshape(count, -1), axis=1) + 1e-10
    low, high = np.quantile(power, [0.1, 0.9])
    return float(10 * np.log10(high / low))


def _confidence(judged: Judged) -> Section:
    """Return how many of the words are right by how sure they are said to be."""
    sure, right = words_right(judged)
    rows = []
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        index = (sure >= low) & (sure < high)
        if index.any():
            rows.append(
                [
                    f"{low:.2f} - {min(high, 1):.2f}",
                    f"{int(index.sum()):,}",
                    f"{sure[index].mean():.2f}",
                    f"{right[index].mean():.2f}",
                ]
            )
    return Section(
        "confidence", Words("Confidence of words", "词的置信度"),
        Words("Where the two right columns agree, the confidence is to be believed.", "右侧两列越接近，置信度越可信。"),
        (Words("confidence", "置信度"), Words("words", "词数"), Words("mean confidence", "平均置信度"), Words("share right", "正确比例")), rows,
    )  # fmt: skip


def words_right(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure every word heard is [W], and whether it is right [W]; rows whose words are not told are left out."""
    sure: list[float] = []
    right: list[bool] = []
    for (truth, said), score in zip(sides(judged), judged.scores[:, 0], strict=True):
        heard = words_of(said)
        if len(heard) != len(score["words"]):
            continue
        kept = matched(words_of(truth), heard)
        sure += [float(w["confidence"]) for w in score["words"]]
        right += [j in kept for j in range(len(heard))]
    return np.array(sure), np.array(right, bool)


def _worst(judged: Judged, told: np.ndarray) -> Section:
    wrong = told[:, :3].sum(axis=1)
    order = sorted(np.flatnonzero(wrong > 0).tolist(), key=lambda i: (-wrong[i] / max(1.0, told[i, 3]), i))[:_SHOWN]
    pairs = sides(judged)
    rows = [
        [str(judged.rows[i]), f"{int(wrong[i])}", shortened(pairs[i][0], _LONGEST), shortened(pairs[i][1], _LONGEST)]
        for i in order
    ]
    return Section(
        "answers", Words("Worst transcripts", "最差的转写"),
        Words("Test recordings with the most errors for their length.", "相对长度错误最多的测试录音。"),
        (Words("row", "行"), Words("errors", "错误数"), Words("said", "实际"), Words("heard", "识别为")), rows, private=True,
    )  # fmt: skip
