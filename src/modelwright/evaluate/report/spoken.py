"""What a report shows of a voice: how it sounds beside the recordings, how long speaking takes, and the rows furthest off."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from modelwright.core.answers.media import file_bytes
from modelwright.core.facts.details import SoundFact
from modelwright.core.judged import Judged
from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.evaluate.report.played import sound_url
from modelwright.features.shared.sample_speech import as_wav
from modelwright.features.shared.speech import samples_of
from modelwright.models.spoken_likeness import distance, traits

_MOST = 4  # rows that are spoken for the report
_SHOWN = 20
_COMPARED, _FEWEST = 24, 3  # rows whose voices are compared, and recordings of a speaker at least
_LONGEST = 20.0  # seconds of a recording that are played
_FIGURES = ("distortion", "length", "pitch", "voicing")


def sections(model: Model, judged: Judged, test: Table, seconds: float) -> list[Section]:
    """Return the figures of the rows that came out worst, and how long it took to say some of them."""
    values = np.array([(s or {}).get("figures", {}).get("distortion", np.inf) for s in judged.scores[:, 0]])
    if not len(values):
        return []
    order = np.argsort(-values, kind="stable")
    places = {int(r): i for i, r in enumerate(test.rows)}
    rows = []
    for i in order[:_SHOWN]:
        found = (judged.scores[i, 0] or {}).get("figures", {})
        rows.append([str(int(judged.rows[i])), *(f"{found[k]:.3f}" if k in found else "-" for k in _FIGURES)])
    some = [int(i) for i in order[:: max(1, len(order) // _MOST)][:_MOST]]
    took, said, sounds = _heard(model, judged, test, [(i, places[int(judged.rows[i])]) for i in some], seconds)
    speed = (
        Words(
            f"Of the test rows read out here, a second of speech took {took / said:.3f} s of processor time.",
            f"朗读测试行时，每秒语音耗用 {took / said:.3f} 秒处理器时间。",
        )
        if said
        else Words("", "")
    )
    says = Words(
        f"Test rows from the one furthest from its recording on. {speed.en}".strip(),
        f"测试行按与录音的差别由大到小排列。{speed.zh}",
    )
    head = (
        Words("row", "行"), Words("distortion, dB", "失真（dB）"), Words("length", "时长误差"), Words("pitch, semitones", "音高（半音）"),
        Words("voicing", "清浊误判"),
    )  # fmt: skip
    likeness = whose(model, test, max(1.0, 0.6 * seconds))
    spoken = Section("voices", Words("Speech", "语音"), says, head, rows, private=True, sounds=tuple(sounds))
    return [spoken, *([likeness] if likeness is not None else [])]


def whose(model: Any, test: Table, seconds: float) -> Section | None:
    """Return how far what is said lies from the voice of each speaker, beside how far other recordings of theirs do.

    None where a speaker has fewer than three recordings that can be compared.
    """
    target = test.schema.target
    assert target is not None
    voice, until = model.voice, time.monotonic() + seconds
    names = test.column(voice.speaker).to_pylist() if voice.speaker in test.data.column_names else [""] * len(test)
    made: dict[str, list[np.ndarray]] = {}
    recorded: dict[str, list[np.ndarray]] = {}
    index = np.arange(min(len(test), _COMPARED))
    cells = test.column(target.name)
    for i, samples in zip(index, model.said(test.take(index))):
        if time.monotonic() > until and i >= _FEWEST:
            break
        theirs = samples_of(cells[int(i)].as_py(), model.rate, _LONGEST)
        for held, sound in ((made, samples), (recorded, theirs)):
            found = traits(sound, model.rate) if sound is not None else None
            if found is not None:
                held.setdefault(str(names[i] or ""), []).append(found)
    rows = []
    for who, own in sorted(recorded.items()):
        if len(own) < _FEWEST or who not in made:
            continue
        others = [v for name, some in recorded.items() if name != who for v in some]
        apart = [distance(v, [o for o in own if o is not v], own) for v in own]
        rows.append([
            who or "-", str(len(own)), f"{np.median(apart):.2f}", f"{np.median([distance(v, own, own) for v in made[who]]):.2f}",
            f"{np.median([distance(v, own, own) for v in others]):.2f}" if others else "-",
        ])  # fmt: skip
    if not rows:
        return None
    says = Words(
        "How far apart voices lie by the mean and spread of their cepstra and pitch, in deviations of the speaker's own recordings: made speech that is as near as recordings are to each other "
        "cannot be told from the speaker by this measure.",
        "按倒谱与音高的均值和离散程度衡量声音之间的距离，以说话人自身录音的标准差为单位：若合成语音与录音的距离不超过录音之间的距离，则此指标无法将其与本人区分。",
    )
    head = (
        Words("speaker", "说话人"), Words("recordings", "录音数"), Words("recordings from each other", "录音之间"), Words("made from recorded", "合成与录音"),
        Words("other speakers", "其他说话人"),
    )  # fmt: skip
    return Section("whose-voice", Words("Whose voice it sounds like", "声音相似度"), says, head, rows, private=True)


def _heard(
    model: Model, judged: Judged, test: Table, rows: list[tuple[int, int]], seconds: float
) -> tuple[float, float, list[SoundFact]]:
    """Return the processor seconds that saying some rows took, the seconds of speech, and the sounds beside the recordings."""
    target = test.schema.target
    assert target is not None
    until, took, said, sounds = time.monotonic() + seconds, 0.0, 0.0, list[SoundFact]()
    rate = int(getattr(model, "rate", 16_000))
    for i, place in rows:
        if said and time.monotonic() > until:
            break
        row = test.take(np.array([place]))
        began = time.process_time()
        data = file_bytes(model.scores(row)[0, 0])
        took += time.process_time() - began
        if data is None:
            continue
        said += len(data) / 2 / rate
        found = (judged.scores[i, 0] or {}).get("figures", {}).get("distortion", float("nan"))
        number = int(judged.rows[i])
        fact: SoundFact = {
            "title": [f"row {number}: {found:.2f} dB", f"第 {number} 行：{found:.2f} dB"],
            "made": sound_url(data),
        }
        recorded = samples_of(row.column(target.name)[0].as_py(), rate, _LONGEST)
        if len(recorded):
            fact["recorded"] = sound_url(as_wav(recorded, rate))
        sounds.append(fact)
    return took, said, sounds
