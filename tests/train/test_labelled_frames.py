"""Frames that are told: what is done to recordings grows with the steps, frames and what is told of them stay together, lengths are padded."""

from types import SimpleNamespace

import numpy as np

from modelwright.features.shared.augment_sound import spoken_otherwise
from modelwright.train.labelled_frames import Told, ToldFeed, _warped

OPTIONS = SimpleNamespace(
    seconds=2.0, joined=2.0, join=0.5, noise=0.3, speed=0.2, warp=0.1, gain=6.0, snr_low=10.0, snr_high=40.0, colour=0.3, edge=0.2,
    pause=0.2, time_masks=1, time_width=6, band_masks=1, bend=0.3, accent=0.2, contrast=0.1,
)  # fmt: skip


def feed(rows=12, options=OPTIONS):
    made = []
    for k in range(rows):
        loud = np.where(np.arange(40) < 20, 12.0, 4.0) if k % 2 else np.where(np.arange(40) < 20, 4.0, 12.0)
        told = np.full(50, 1 + k % 2, np.int64)
        made.append(Told(np.tile(loud, (50, 1)).astype(np.float32), np.zeros((50, 3), np.float32), told, told * 0))
    return ToldFeed(made, options, 16_000, 4)


def test_every_row_comes_once_a_pass_and_epochs_are_equally_long():
    made = feed()
    first, later = made.epoch(np.random.default_rng(0), 0), made.epoch(np.random.default_rng(1), 30)
    assert len(first) == len(later) >= 4
    counts = np.bincount([r for b in first for u in b for r in u.rows], minlength=12)
    assert (counts >= made.passes).all()


def test_what_is_done_grows_with_the_steps():
    shares = [max(u.share for b in feed().epoch(np.random.default_rng(0), n) for u in b if u.rows) for n in (0, 20, 90)]
    assert 0 < shares[0] < shares[1] < shares[2] == 1.0
    far = []
    for number in (0, 90):
        made = feed()
        inputs, truth = zip(*(made.load(b, "cpu") for b in made.epoch(np.random.default_rng(0), number)), strict=True)
        far.append(np.std([i["mel"][t["sound"] > 0].mean().item() for i, t in zip(inputs, truth, strict=True)]))
    assert far[1] > far[0]


def test_frames_and_what_is_told_of_them_stay_together():
    made = feed()
    right = []
    for batch in made.epoch(np.random.default_rng(2), 5):
        inputs, truth = made.load(batch, "cpu")
        mel, sound = inputs["mel"].numpy(), truth["sound"].numpy()
        louder = mel[..., :15].mean(-1) - mel[..., 25:].mean(-1)
        right += [*(louder[sound == 2] > 0), *(louder[sound == 1] < 0)]
        for row, size in zip(sound, inputs["lengths"].tolist(), strict=True):
            assert (row[:size] >= 0).all()
            assert (row[size:] == -1).all()
    assert len(right) > 1000
    assert np.mean(right) > 0.95


def test_another_speaker_says_each_sound_otherwise_and_silence_alike():
    rng = np.random.default_rng(0)
    sound = np.repeat([0, 1, 2, 1], 50)
    mel = rng.uniform(6, 12, (200, 40)).astype(np.float32)
    made = spoken_otherwise(mel, sound, 3, np.random.default_rng(1), accent=0.5, contrast=0.0)
    moved = made - mel
    assert np.array_equal(made[:46], mel[:46])
    assert 0.1 < np.abs(moved[55:95]).mean() < 1.5
    assert np.allclose(moved[55:95], moved[155:195], atol=1e-5)
    assert np.abs(moved[55:95].mean(0) - moved[105:145].mean(0)).mean() > 0.1
    assert np.array_equal(spoken_otherwise(mel, sound, 3, rng, accent=0.0, contrast=0.0), mel)


def test_contrast_stretches_about_the_mean_of_what_is_said():
    mel = np.random.default_rng(0).uniform(6, 12, (80, 40)).astype(np.float32)
    made = spoken_otherwise(mel, np.ones(80, np.int64), 2, np.random.default_rng(3), accent=0.0, contrast=0.2)
    assert np.allclose(made.mean(0), mel.mean(0), atol=0.05)
    assert (made.std(0) / mel.std(0)).std() > 0.02


def test_bands_are_moved_and_stay_in_order():
    none, some = np.zeros(40, np.float32), np.full(40, 1.0, np.float32)
    ramp = np.arange(40, dtype=np.float32)[None]
    assert np.allclose(ramp @ _warped(16_000, 40, 1.0, none), ramp, atol=1e-3)
    assert np.allclose((ramp @ _warped(16_000, 40, 1.0, some))[0, :38], ramp[0, :38] + 1, atol=1e-3)
    wild = ramp @ _warped(16_000, 40, 1.1, np.random.default_rng(0).normal(0, 3, 40).astype(np.float32))
    assert (np.diff(wild[0]) >= -1e-4).all()
