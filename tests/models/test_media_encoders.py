"""Encoders of sound and clips: padding changes nothing, one row is answered as many, training disturbs within bounds."""

import types

import numpy as np
import pytest
import torch

from modelwright.core.recipe import get_recipe
from modelwright.features.image import ImageTensor
from modelwright.models.encoders.audio import ENCODERS as AUDIO
from modelwright.models.encoders.video import ENCODERS as VIDEO
from modelwright.models.spectral import DEFAULTS, disturbed, pooled

SOUND = types.SimpleNamespace(mean=np.full(64, 5, np.float32), std=np.full(64, 2, np.float32), bands=64)
CLIP = types.SimpleNamespace(mean=[0.5] * 3, std=[0.2] * 3, channels=3, side=32, count=6)
AUDIO_RECIPES = {"cnn": "audiocnn", "transformer": "audiotransformer"}
VIDEO_RECIPES = {"attention": "framecnn", "lstm": "framelstm", "r2plus1d": "r2plus1d"}


def seasoned(encoder: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.nn.Module:
    """Return the encoder after some training steps' statistics, its zeroed norms woken, in eval mode."""
    with torch.no_grad():
        for p in encoder.parameters():
            if p.dim() == 1:
                p.add_(0.3 * torch.rand_like(p))
        encoder.train()
        for _ in range(3):
            encoder(inputs)
    return encoder.eval()


def recordings(lengths: list[int]) -> dict[str, torch.Tensor]:
    mel = torch.zeros(len(lengths), max(lengths), 64)
    for i, n in enumerate(lengths):
        mel[i, :n] = 1 + 8 * torch.rand(n, 64, generator=torch.Generator().manual_seed(i))
    return {"mel": mel, "missing": torch.zeros(len(lengths))}


@pytest.mark.parametrize("name", [n for n in AUDIO if n != "hub"])
@pytest.mark.parametrize("level", [True, False])
def test_padding_changes_nothing(name, level):
    torch.manual_seed(0)
    options = get_recipe(AUDIO_RECIPES[name]).options(level=level)
    inputs = recordings([37, 5, 1, 64, 18])
    encoder = seasoned(AUDIO[name](SOUND, options), inputs)
    with torch.inference_mode():
        whole = encoder(inputs).vector
        assert whole.shape == (5, encoder.width)
        for i, n in enumerate([37, 5, 1, 64, 18]):
            alone = encoder({"mel": inputs["mel"][i : i + 1, :n], "missing": torch.zeros(1)}).vector
            assert torch.allclose(alone[0], whole[i], atol=1e-5)
        longer = torch.cat([inputs["mel"], torch.zeros(5, 30, 64)], dim=1)
        assert torch.allclose(encoder({**inputs, "mel": longer}).vector, whole, atol=1e-5)
        assert (whole[0] - whole[3]).abs().max() > 1e-2


@pytest.mark.parametrize("name", [n for n in AUDIO if n != "hub"])
def test_loudness_counts_only_where_level_is_off(name):
    inputs = recordings([40, 30])
    louder = {**inputs, "mel": inputs["mel"] + 3 * (inputs["mel"] > 0)}
    for level in (True, False):
        encoder = seasoned(AUDIO[name](SOUND, get_recipe(AUDIO_RECIPES[name]).options(level=level)), inputs)
        with torch.inference_mode():
            same = torch.allclose(encoder(louder).vector, encoder(inputs).vector, atol=1e-4)
        assert same == level


@pytest.mark.parametrize("name", [n for n in AUDIO if n != "hub"])
def test_missing_sound_is_a_zero_vector(name):
    encoder = AUDIO[name](SOUND, get_recipe(AUDIO_RECIPES[name]).options()).eval()
    out = encoder({"mel": torch.zeros(2, 1, 64), "missing": torch.ones(2)}).vector
    assert (out == 0).all()


def test_disturbance_changes_rows_within_bounds_and_leaves_padding_zero():
    torch.manual_seed(0)
    mask = torch.arange(100)[None] < torch.tensor([100, 50, 1])[:, None]
    x = torch.randn(3, 100, 64) * mask[:, :, None]
    y, real = disturbed(x, mask, DEFAULTS)
    lengths = real.sum(1)
    assert (y[~real] == 0).all()
    assert ((lengths >= torch.tensor([86, 43, 1])) & (lengths <= torch.tensor([128, 64, 2]))).all()
    assert not torch.equal(y[0, :86], x[0, :86])
    still, same = disturbed(x, mask, dict.fromkeys(DEFAULTS, 0))
    assert torch.equal(still, x)
    assert torch.equal(same, mask)


def test_masks_hide_a_strip_of_time_and_of_bands():
    torch.manual_seed(1)
    mask = torch.ones(64, 100, dtype=torch.bool)
    y, _ = disturbed(torch.ones(64, 100, 64), mask, dict.fromkeys(DEFAULTS, 0) | {"time_masks": 1, "band_masks": 1})
    hidden = (y == 0).float()
    times, bands = hidden.amin(2).sum(1), hidden.amin(1).sum(1)
    assert 5 < times.mean() < 15
    assert times.max() <= 20
    assert 4 < bands.mean() < 12
    assert bands.max() <= 16


def test_pooling_looks_at_real_frames_only():
    x = torch.tensor([[[1.0], [3.0], [100.0]]])
    out = pooled(x, torch.tensor([[True, True, False]]))
    assert out.tolist() == [[2.0, 3.0]]


def clips(rows: int = 4) -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 255, (rows, 6, 32, 32, 3), dtype=torch.uint8, generator=made)
    return {"frames": frames, "missing": torch.zeros(rows)}


@pytest.mark.parametrize("name", [n for n in VIDEO if n != "hub"])
def test_one_clip_is_answered_as_many(name):
    torch.manual_seed(0)
    inputs = clips()
    encoder = seasoned(VIDEO[name](CLIP, get_recipe(VIDEO_RECIPES[name]).options()), inputs)
    with torch.inference_mode():
        whole = encoder(inputs).vector
        assert whole.shape == (4, encoder.width)
        for i in range(4):
            alone = encoder({"frames": inputs["frames"][i : i + 1], "missing": torch.zeros(1)}).vector
            assert torch.allclose(alone[0], whole[i], atol=1e-4)
        gone = encoder({**inputs, "missing": torch.tensor([0.0, 1, 0, 0])}).vector
    assert (gone[1] == 0).all()
    assert torch.equal(gone[0], whole[0])


@pytest.mark.parametrize("name", [n for n in VIDEO if n != "hub"])
def test_the_order_of_frames_counts(name):
    torch.manual_seed(0)
    inputs = clips()
    encoder = seasoned(VIDEO[name](CLIP, get_recipe(VIDEO_RECIPES[name]).options()), inputs)
    with torch.inference_mode():
        ahead = encoder(inputs).vector
        back = encoder({**inputs, "frames": inputs["frames"].flip(1)}).vector
    assert (ahead - back).abs().max() > 1e-3


def test_a_still_clip_stays_still_under_augmentation():
    torch.manual_seed(0)
    seen = []

    class Watched(VIDEO["r2plus1d"]):
        def features(self, x):
            seen.append(x)
            return super().features(x)

    options = get_recipe("r2plus1d").options(policy=0.5, colour=0.3, erase=1.0, mixup=0.0)
    frame = torch.randint(0, 255, (4, 1, 32, 32, 3), dtype=torch.uint8)
    Watched(CLIP, options).train()({"frames": frame.expand(4, 6, 32, 32, 3), "missing": torch.zeros(4)})
    assert seen[0][:, :, 3:].abs().max() < 1e-4  # every frame was changed alike: no change between them
    assert seen[0][:, :, :3].std() > 0.1


def test_the_short_network_begins_by_whitening_patches():
    from modelwright.features.image import second_moments
    from modelwright.models.cnn import FastNet

    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 16, 16, 3))
    x = x + np.roll(x, 1, 1) + np.roll(x, 1, 2) + x.mean(3, keepdims=True)  # neighbours and colours go together
    network = FastNet(3, [8, 8, 8], second_moments(x))
    weight = network.first.weight
    assert not weight.requires_grad
    assert network.first.bias.requires_grad
    seen = torch.nn.functional.conv2d(torch.from_numpy(x).permute(0, 3, 1, 2).float(), weight)
    flat = seen[:, :12].permute(0, 2, 3, 1).reshape(-1, 12)
    assert torch.allclose(flat.T @ flat / len(flat), torch.eye(12), atol=0.02)
    assert torch.equal(seen[:, 12:], -seen[:, :12])
    assert FastNet(3, [8, 8, 8]).first.weight.requires_grad  # as before where nothing was looked at


def test_a_deeper_short_network_has_shortcuts():
    from modelwright.models.cnn import FastNet

    torch.manual_seed(0)
    shallow, deep = FastNet(3, [8, 16, 16]), FastNet(3, [8, 16, 16], depth=4)
    x = torch.randn(2, 3, 32, 32)
    assert shallow(x).shape == deep(x).shape == (2, 16, 3, 3)
    group = deep.groups[1]
    for i in (2, 3, 4):
        torch.nn.init.zeros_(group.get_submodule(f"norm{i}").weight)
    seen = group.eval()(torch.randn(1, 8, 15, 15))
    assert seen.abs().max() > 0  # what stood beside them comes through
    assert {n.split(".")[0] for n, _ in shallow.groups[0].named_parameters()} == {"conv1", "norm1", "conv2", "norm2"}


def test_the_network_hands_on_which_rows_are_turned():
    from modelwright.core.schema import Column
    from modelwright.models.network import ColumnNetwork

    recipe = get_recipe("fastnet")
    codec = ImageTensor(32, 3, [0.5] * 3, [0.2] * 3)
    network = ColumnNetwork({"picture": (Column("picture", "image"), codec)}, 2, recipe.options(base=4, shift=0.0))
    rows = {"0.pixels": torch.zeros(4, 32, 32, 3, dtype=torch.uint8), "0.missing": torch.zeros(4)}
    turn = torch.tensor([True, False, True, True])
    network.train()({**rows, "turn": turn})
    assert network.encoders[0].turn is turn
    network.eval()({**rows, "turn": turn})
    assert network.encoders[0].turn is None
