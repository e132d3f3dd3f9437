"""Pitch, Griffin-Lim, alignment, excitation, likeness: what a voice stands on, each against sounds that are known."""

import numpy as np
import pytest

from modelwright.features.shared.mel import log_mel
from modelwright.features.shared.pitch import filled, pitch
from modelwright.models.excitation import excitation
from modelwright.models.forced_alignment import Aligner, looks
from modelwright.models.griffin_lim import envelope, griffin_lim
from modelwright.models.spoken_likeness import WORST, figures

RATE = 8000


def buzz(hertz, seconds=0.5):
    """Return a tone with harmonics."""
    time = np.arange(int(RATE * seconds)) / RATE
    return (0.1 * sum(np.cos(2 * np.pi * hertz * k * time) / k for k in range(1, 8))).astype(np.float32)


@pytest.mark.parametrize("hertz", [80, 130, 210, 380])
def test_the_pitch_of_a_tone(hertz):
    found = pitch(buzz(hertz), RATE, 48)
    assert np.abs(found[5:-5] / hertz - 1).max() < 0.02


def test_noise_has_no_pitch():
    found = pitch(0.1 * np.random.default_rng(0).standard_normal(RATE // 2).astype(np.float32), RATE, 48)
    assert (found > 0).mean() < 0.2
    assert not filled(np.zeros(4, np.float32)).any()


def test_griffin_lim_gives_the_same_bands_back():
    mel = log_mel(np.concatenate([buzz(150), buzz(220)]), RATE, 80)
    again = log_mel(griffin_lim(mel, RATE), RATE, 80)
    assert np.abs(again - mel)[3:-3].mean() < 0.6
    assert np.allclose(envelope(RATE, 80, 256).sum(0), 1, atol=1e-5)


def test_sounds_are_found_where_they_are():
    rng = np.random.default_rng(0)
    tones, said, ends, rows = (200, 500, 1100), [], [], []
    for _ in range(12):
        order = rng.permutation(3)
        sizes = rng.integers(8, 20, 3)
        time = [np.arange(n * 80) / RATE for n in sizes]
        sound = np.concatenate([0.3 * np.sin(2 * np.pi * tones[k] * t) for k, t in zip(order, time, strict=True)])
        mel = log_mel((sound + 0.001 * rng.standard_normal(len(sound))).astype(np.float32), RATE, 40)
        rows.append(looks(mel))
        said.append(order)
        ends.append(np.cumsum(sizes))
    quiet = [np.zeros(len(x), bool) for x in rows]
    aligner = Aligner.fit(rows, quiet, said, 3)
    apart = [np.abs(aligner.spans(x, ids)[:2, 1] - end[:2]).max() for x, ids, end in zip(rows, said, ends, strict=True)]
    assert np.median(apart) <= 3


def test_pulses_come_at_the_pitch():
    pulses, noise = excitation(np.concatenate([np.full(50, 200.0), np.zeros(50)]), RATE)
    assert len(pulses) == len(noise) == 99 * 80 + 200
    spectrum = np.abs(np.fft.rfft(pulses[:3600]))
    assert abs(np.argmax(spectrum[10:]) + 10) * RATE / 3600 % 200 < 5
    assert not pulses[-3000:].any()


def test_likeness_knows_better_from_worse():
    wanted = np.concatenate([np.zeros(800, np.float32), buzz(150), buzz(220), np.zeros(800, np.float32)])
    same = figures(wanted, wanted, RATE)
    assert same == {"distortion": 0.0, "length": 0.0, "pitch": 0.0, "voicing": 0.0}
    higher = figures(np.concatenate([buzz(150 * 2 ** (2 / 12)), buzz(220 * 2 ** (2 / 12))]), wanted, RATE)
    assert abs(higher["pitch"] - 2) < 0.5
    longer = figures(np.concatenate([buzz(150, 0.7), buzz(220, 0.7)]), wanted, RATE)
    assert 0.3 < longer["length"] < 0.5
    assert figures(np.zeros(0, np.float32), wanted, RATE)["distortion"] == WORST
    assert figures(wanted, np.zeros(100, np.float32), RATE) == {}
