"""Sound and clips as pretrained encoders read them, compared with what their makers' own extractors give."""

import io
import json
import wave

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import MEDIA, Column
from modelwright.data.kinds.video import written
from modelwright.features._hub_av import HubFrames, HubSound
from modelwright.testing import _row, _same
from pretrained_made import tiny_audio, tiny_image, tiny_video


def sound(seconds, rate=16000, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    samples = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.05 * rng.normal(size=len(time))
    whole = (32767 * np.clip(samples, -1, 1)).astype("<i2")
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())
    return held.getvalue(), whole / np.float32(32768)


def cells(*found):
    return pa.array([c and {"path": None, "bytes": c, "digest": None} for c in found], MEDIA)


def fitted(cls, folder, values, modality, **options):
    return cls.fit(values, Column("x", modality, options={"pretrained": str(folder), **options}), None, 0)


def conforms(codec, values):
    whole = codec.encode(values)
    again = type(codec).restore(json.loads(json.dumps(codec.state())), {})
    assert _same(again.encode(values), whole)
    assert _same(codec.encode(values.slice(1, 1)), _row(whole, 1))
    assert codec.encode(values.slice(0, 0))["missing"].shape == (0,)
    return whole


def test_waves(tmp_path):
    held, samples = sound(0.5)
    values = cells(held, sound(0.31, 8000)[0], None, b"no sound")
    found = conforms(fitted(HubSound, tiny_audio(tmp_path / "a"), values, "audio"), values)
    assert found["missing"].tolist() == [0, 0, 1, 0]
    assert found["samples"].tolist() == [8000, 4960, 1600, 1600], "short sounds are filled up with silence"
    assert found["wave"].lengths.tolist() == [25, 16, 5, 5]
    ours = found["wave"].values[:25].ravel()[:8000] / 32767
    assert np.abs(ours - samples).max() < 1e-4


@pytest.mark.parametrize("seconds", [0.01, 0.4, 1.0, 1.7])
def test_whisper_hears_what_its_makers_hear(tmp_path, seconds):
    from transformers import WhisperFeatureExtractor

    held, samples = sound(seconds)
    codec = fitted(HubSound, tiny_audio(tmp_path / "a", "whisper"), cells(held), "audio")
    assert (codec.frames, codec.bands) == (200 if seconds > 1 else 100, 20)
    theirs = WhisperFeatureExtractor(feature_size=20, chunk_length=codec.frames // 100)
    wanted = theirs(samples, sampling_rate=16000, return_tensors="np")["input_features"][0].T
    assert np.abs(codec.encode(cells(held))["mel"][0, :, :, 0] - wanted).max() < 1e-3


@pytest.mark.parametrize("seconds", [0.01, 0.4, 1.0, 3.0])
def test_the_spectrogram_transformer_hears_what_its_makers_hear(tmp_path, seconds):
    from transformers import ASTFeatureExtractor

    held, samples = sound(max(seconds, 0.026))  # theirs cannot read less than a window
    folder = tiny_audio(tmp_path / "a", "audio-spectrogram-transformer")
    codec = fitted(HubSound, folder, cells(held), "audio")
    assert codec.frames == (128 if seconds > 1 else 100)
    theirs = ASTFeatureExtractor(num_mel_bins=32, max_length=codec.frames)
    wanted = theirs(samples, sampling_rate=16000, return_tensors="np")["input_values"][0]
    assert np.abs(codec.encode(cells(held))["mel"][0, :, :, 0] - wanted).max() < 2e-3
    values = cells(held, sound(0.001)[0], None)
    conforms(codec, values)


def test_clips(tmp_path):
    clip = np.zeros((9, 32, 64, 3), np.uint8)
    clip[:, :, 24:40] = 200  # the middle third, all that a centred cut shows
    values = cells(written(clip), written(clip[:3]), None, b"no clip")
    codec = fitted(HubFrames, tiny_video(tmp_path / "a"), values, "video")
    found = conforms(codec, values)
    assert found["frames"].shape == (4, 4, 16, 16, 3)
    assert found["missing"].tolist() == [0, 0, 1, 0]
    assert found["frames"][0, :, :, 6:10].mean() > 180
    assert found["frames"][0, :, :, :2].mean() < 60
    assert not found["frames"][2:].any()


def test_clips_for_an_encoder_of_pictures(tmp_path):
    values = cells(written(np.full((9, 32, 64, 3), 90, np.uint8)))
    folder = tiny_image(tmp_path / "a")
    assert conforms(fitted(HubFrames, folder, cells(values[0].as_py()["bytes"], None), "video"), cells(None, None))[
        "frames"
    ].shape == (2, 8, 16, 16, 3)
    assert fitted(HubFrames, folder, values, "video", frames=3).encode(values)["frames"].shape == (1, 3, 16, 16, 3)
