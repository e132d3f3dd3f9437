"""Channels of sound: averaged, but for those that cancel or are silent; or the one that was asked for."""

import io

import numpy as np
import pytest

from modelwright.core.errors import OptionError
from modelwright.core.schema import Schema
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.audio import decode
from modelwright.data.sources import read

sf = pytest.importorskip("soundfile")
RATE = 16_000
TIME = np.arange(RATE // 4) / RATE
LOW, HIGH = 0.4 * np.sin(2 * np.pi * 200 * TIME), 0.2 * np.sin(2 * np.pi * 1700 * TIME)


def sound(*channels, kind="WAV"):
    held = io.BytesIO()
    sf.write(held, np.stack(channels, 1), RATE, format=kind)
    return held.getvalue()


def heard(data, how=None):
    return decode({"path": None, "bytes": data, "digest": "", "how": how}, RATE)


def like(found, wanted, most=0.02):
    return len(found) == len(wanted) and float(np.abs(found - wanted).max()) < most


def test_usual_channels_are_averaged():
    assert like(heard(sound(LOW, LOW)), LOW)
    assert like(heard(sound(LOW, HIGH)), (LOW + HIGH) / 2)
    assert like(heard(sound(*[LOW, HIGH] * 3)), (LOW + HIGH) / 2)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_of_channels_that_cancel_the_louder_is_heard(kind):
    noise = 0.01 * np.random.default_rng(0).normal(size=len(LOW))
    found = heard(sound(0.8 * LOW + noise, -LOW, kind=kind))
    assert np.sqrt(np.mean(found**2)) > 0.2
    assert like(heard(sound(0.8 * LOW, -LOW)), -LOW)
    assert like(
        heard(sound(HIGH, 0 * LOW, -LOW, LOW, 0 * LOW, HIGH)), -LOW
    )  # of six, two are wired the wrong way round


def test_silent_channels_are_left_out():
    assert like(heard(sound(LOW, 0 * LOW)), LOW)
    assert like(heard(sound(0 * LOW, 1e-4 * HIGH, LOW)), LOW)
    assert like(heard(sound(0.3 + 0 * LOW, LOW)), LOW)  # a constant is silent too
    assert like(heard(sound(0 * LOW, 0 * LOW)), 0 * LOW)


def test_a_faint_echo_against_the_phase_is_no_cancelling():
    assert like(heard(sound(LOW, -0.05 * LOW)), 0.475 * LOW)


def test_the_channel_that_was_asked_for_in_training_and_in_service(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for i in range(3):
            (tmp_path / label / f"{i}.wav").write_bytes(sound(LOW, HIGH))
    raw = read(tmp_path)
    for said, wanted in (("2", HIGH), ("right", HIGH), ("left", LOW), ("louder", LOW), ("mean", (LOW + HIGH) / 2)):
        column = infer_schema(raw, target="label", folder=tmp_path, channel=said)["audio"]
        table, bad = coerce(raw, Schema((column,)), folder=tmp_path)
        served, _ = coerce_rows([{"audio": sound(LOW, HIGH)}], Schema((column,)))
        assert not bad
        for cells in (table, served):
            assert like(decode(cells.column("audio").to_pylist()[0], RATE), wanted)
    column = infer_schema(raw, target="label", folder=tmp_path, channel="3")["audio"]
    _, bad = coerce(raw, Schema((column,)), folder=tmp_path)
    assert "has 2 channels; channel 3 was asked for" in bad[0].words.en
    with pytest.raises(OptionError, match="expected a number from 1"):
        infer_schema(raw, target="label", folder=tmp_path, channel="middle")
    with pytest.raises(OptionError, match="no column holds sound"):
        infer_schema(raw.select(["label"]), channel="1")


def test_channels_that_cancel_are_told(tmp_path):
    for label, channels in (("a", (LOW, -LOW)), ("b", (LOW, 0 * LOW))):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.wav").write_bytes(sound(*channels))
    reason = infer_schema(read(tmp_path), target="label", folder=tmp_path)["audio"].reason
    assert "in 1 of 2 recordings looked at channels cancel" in reason.en
    assert "in 1 of 2 recordings looked at a channel is silent" in reason.en
