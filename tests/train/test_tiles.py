"""Tiles answer what the whole picture is answered, for every network that mends pictures, and in patches nothing is shifted."""

import numpy as np
import pytest
import torch

from modelwright.models.restore import deep, plain
from modelwright.train.patches import PatchFeed, Pictures, unit_tensor
from modelwright.train.tiles import tiles
from pictures_made import picture

NETWORKS = [(plain.ESPCN, 2), (plain.FSRCNN, 3), (plain.EDSR, 4), (plain.SPAN, 2), (deep.UNet, 1), (deep.NAFNet, 2)]


def made(kind, scale, given=1, wanted=1):
    torch.manual_seed(0)
    network = kind(given, wanted, scale, 8, 1).eval()
    for weights in network.parameters():
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, 0, 0.1)
    return network


def whole(network, x, **options):
    s = network.scale
    out = np.full((network.wanted, x.shape[1] * s, x.shape[2] * s), np.nan, np.float32)
    for rows, columns, answer in tiles(network, x.shape[1], x.shape[2], lambda r, c: x[:, r, c], **options):
        out[:, rows.start * s : rows.stop * s, columns.start * s : columns.stop * s] = answer.numpy()
    return out


@pytest.mark.parametrize(("kind", "scale"), NETWORKS)
def test_tiles_agree_with_the_whole(kind, scale):
    network = made(kind, scale)
    x = torch.rand(1, 67, 121, generator=torch.Generator().manual_seed(1))
    large, small = whole(network, x, tile=1024), whole(network, x, tile=32)
    assert np.abs(large).max() > 1e-3
    assert np.abs(large - small).max() < 1 / 255 / 100


@pytest.mark.parametrize(("kind", "scale"), NETWORKS)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9)])
def test_pictures_smaller_than_the_stride(kind, scale, size):
    assert np.isfinite(whole(made(kind, scale), torch.rand(1, *size))).all()


def test_ensemble_turns_with_the_picture():
    network = made(plain.EDSR, 2)
    x = torch.rand(1, 20, 26)
    straight = whole(network, x, ensemble=True)
    turned = whole(network, torch.rot90(x, 1, (1, 2)), ensemble=True)
    assert np.allclose(np.rot90(straight, 1, (1, 2)), turned, atol=1e-5)
    assert not np.allclose(whole(network, x), straight, atol=1e-4)


def test_networks_begin_as_the_cubic():
    from modelwright.data.resize import resized

    network = plain.EDSR(1, 1, 3, 8, 1).eval()
    pixels = picture(1, 12, 14, 1)
    found = whole(network, unit_tensor(pixels[None])[0])[0]
    assert np.allclose(found * 255, resized(pixels, 36, 42, 3.0)[:, :, 0], atol=1e-3)


@pytest.mark.parametrize("scale", [1, 2])
def test_patches_of_both_sides_belong_together(scale):
    wanted = [picture(i, 20 * scale, 24 * scale) for i in range(3)]
    loads = []

    def load(i):
        loads.append(i)
        return wanted[i][::scale, ::scale], wanted[i]

    pictures = Pictures(3, load, 1 << 20)
    feed = PatchFeed(pictures, [1, 1, 1], scale, 8, 5, 6, unit_tensor)
    for batch in feed.epoch(np.random.default_rng(0)):
        given, good = feed.load(batch, "cpu")
        assert given.shape == (5, 3, 8, 8)
        assert good.shape == (5, 3, 8 * scale, 8 * scale)
        corners = [
            good[:, :, a::scale, b::scale] for a in {0, scale - 1} for b in {0, scale - 1}
        ]  # whichever was turned to the top left
        assert all(any(torch.equal(given[i], c[i]) for c in corners) for i in range(5))
    assert len(loads) == len(set(loads)), "what fits in memory is decoded once"
    assert feed.size(batch) == 5


def test_patches_larger_than_the_picture_and_memory_that_is_none():
    small = picture(0, 8, 8)
    pictures = Pictures(1, lambda i: (small, small), 0)
    feed = PatchFeed(pictures, [1], 1, 12, 2, 1, unit_tensor, worse=lambda patch, rng: 255 - patch)
    given, good = feed.load(feed.epoch(np.random.default_rng(0))[0], "cpu")
    assert given.shape == (2, 3, 12, 12)
    assert torch.allclose(given, 1 - good)
