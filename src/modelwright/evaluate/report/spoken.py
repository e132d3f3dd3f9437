"""What a report shows of a voice: how it sounds beside the recordings, how long speaking takes, and the rows furthest off."""

from __future__ import annotations

import time

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

_MOST = 4  # rows that are spoken for the report
_SHOWN = 20
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
    return [Section("voices", Words("Speech", "语音"), says, head, rows, private=True, sounds=tuple(sounds))]


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
