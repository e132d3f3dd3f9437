"""The front end of sound against known tones; the codecs' shapes, caps and missing values."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import MEDIA, Column
from modelwright.data.kinds.audio import KIND
from modelwright.features._decoded_cache import Kept
from modelwright.features.audio import WIDTH, AudioDense, AudioSparse, AudioTensor, summary
from modelwright.features.shared.mel import FLOOR, cepstra, deltas, filters, from_mel, log_mel, sizes, to_mel
from modelwright.testing import check_codec

COLUMN = Column("sound", "audio")


def tone(hertz: float, rate: int = 16000, seconds: float = 1.0, loud: float = 0.5) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def cells(states: list[int | None]) -> pa.Array:
    made = iter(KIND().sample([s for s in states if s is not None], 0))
    return pa.array([None if s is None else KIND().read(next(made), COLUMN, None) for s in states], MEDIA)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("hertz", [200, 440, 1000, 2500, 3700])
def test_a_tone_peaks_in_its_own_band(rate, hertz):
    mel = log_mel(tone(hertz, rate), rate)
    edges = from_mel(np.linspace(to_mel(np.array(20.0)), to_mel(np.array(rate / 2)), 66))
    middle = np.abs(edges[1:-1] - hertz).argmin()
    assert mel.shape == (98, 64)
    assert (np.abs(mel.argmax(axis=1) - middle) <= 1).all()
    far = np.abs(np.arange(64) - middle) > 8
    assert (mel.max(axis=1) - mel[:, far].max(axis=1)).min() > 5  # nepers: over 20 dB


def test_energy_is_that_of_the_tone_whatever_the_rate():
    for rate in (8000, 16000):
        twice = log_mel(tone(1000, rate, loud=0.5), rate).max(1) - log_mel(tone(1000, rate, loud=0.25), rate).max(1)
        assert twice == pytest.approx(np.log(4), abs=0.01)


def test_the_mel_scale_turns_back():
    hertz = np.array([20.0, 500, 1000, 1001, 4000, 8000])
    assert from_mel(to_mel(hertz)) == pytest.approx(hertz)
    assert (np.diff(to_mel(hertz)) > 0).all()
    assert to_mel(np.array(1000.0)) == pytest.approx(15)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_no_band_is_deaf(rate):
    bank = filters(rate, 64)
    assert bank.shape == (sizes(rate)[2] // 2 + 1, 64)
    assert bank.sum(axis=0) == pytest.approx(1, abs=1e-5)


def test_silence_and_short_sounds_are_frames_that_are_no_padding():
    for samples in (np.zeros(16000, np.float32), np.zeros(1, np.float32), tone(440, seconds=0.001)):
        mel = log_mel(samples, 16000)
        assert len(mel) >= 1
        assert mel.min() >= 1
    assert log_mel(np.full(400, 0.0, np.float32), 16000).max() == 1
    assert FLOOR > 0


def test_slopes_and_cepstra():
    line = np.arange(20.0)[:, None] * np.array([1.0, -2.0])
    assert deltas(line)[2:-2] == pytest.approx(np.broadcast_to([1.0, -2.0], (16, 2)))
    flat = cepstra(np.full((3, 64), 2.0, np.float32), 20)
    assert flat[:, 0] == pytest.approx(16)
    assert flat[:, 1:] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("view", ["tensor", "dense", "sparse"])
def test_codecs_keep_the_contract(view):
    check_codec("audio", view, cells([0, 1, None, 2, 0, 1]))


def test_the_tensor_view():
    codec = AudioTensor.fit(cells([0, 1, 2, None] * 4), COLUMN, None, 0)
    assert codec.rate == 8000  # as the recordings
    out = codec.encode(cells([0, None, 2]))
    assert out["missing"].tolist() == [0, 1, 0]
    assert out["mel"].lengths[1] == 1
    assert (out["mel"].values[out["mel"].offsets[1]] == 0).all()
    assert out["mel"].values[: out["mel"].offsets[1]].min() >= 1
    own = Column("sound", "audio", options={"seconds": 0.1, "rate": 16000, "bands": 32})
    short = AudioTensor.fit(cells([0, 1, 2]), own, None, 0)
    assert short.rate == 16000
    assert short.encode(cells([0]))["mel"].values.shape == (8, 32)


def test_nothing_known_can_be_fitted():
    for cls in (AudioTensor, AudioDense, AudioSparse):
        encoded = cls.fit(cells([None, None]), COLUMN, None, 0).encode(cells([None, 1]))
        assert (len(encoded["missing"]) if isinstance(encoded, dict) else encoded.shape[0]) == 2


def test_a_file_that_has_gone_counts_as_missing(tmp_path):
    (tmp_path / "a.wav").write_bytes(KIND().sample([0], 0)[0])
    values = pa.array([KIND().read("a.wav", COLUMN, tmp_path)], MEDIA)
    (tmp_path / "a.wav").write_bytes(b"")
    assert AudioTensor(8000, 7.25, np.ones(64, np.float32), np.ones(64, np.float32)).encode(values)["missing"] == [1]


def test_the_summary_tells_order_and_is_small():
    rise, fall = np.concatenate([tone(300), tone(2000)]), np.concatenate([tone(2000), tone(300)])
    a, b = summary(log_mel(rise, 16000)), summary(log_mel(fall, 16000))
    assert a.shape == (WIDTH,)
    assert WIDTH <= 400
    order = slice(4 * 32 + 60, WIDTH - 5)
    assert np.abs(a[: 4 * 32] - b[: 4 * 32]).max() < 0.3  # statistics over all time are the same
    assert np.abs(a[order] - b[order]).max() > 3


def test_what_is_kept_is_bounded():
    kept, made = Kept(8000), []

    def make(i):
        made.append(i)
        return np.full(100, i)  # 800 bytes

    for i in (0, 1, 0, *range(20), 19):
        assert kept.get({"digest": str(i)}, (), lambda i=i: make(i))[0] == i
    assert made == [0, 1, *range(2, 20)]
    assert kept.size <= 8000
    kept.get({"digest": "0"}, (), lambda: make(0))
    assert made[-1] == 0  # the oldest had to go
    with pytest.raises(ValueError, match="read-only"):
        kept.get({"digest": "0"}, (), lambda: make(0))[0] = 1
