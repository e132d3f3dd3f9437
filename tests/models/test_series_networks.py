"""Networks for series: padding changes nothing, one row is answered as many, augmentation keeps to its bounds."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from modelwright.features.series import SeriesTensor
from modelwright.models.augment_series import augment, warped
from modelwright.models.cnn1d import MaskedNorm
from modelwright.models.encoders.series import ENCODERS

LENGTHS = [30, 17, 5, 1]


def made(name):
    torch.manual_seed(0)
    codec = SeriesTensor(1, np.zeros(2, np.float32), np.ones(2, np.float32), 24)
    options = SimpleNamespace(base=4, blocks=4, kernel=9, hidden=6, layers=2)
    encoder = ENCODERS[name](codec, options)
    with torch.no_grad():
        for p in encoder.parameters():
            p.add_(torch.randn_like(p) * 0.2)
    for m in encoder.modules():
        if isinstance(m, MaskedNorm):
            m.mean.normal_()
    return encoder.eval()


def batch(rows, length):
    values, mask = torch.zeros(len(rows), length, 2), torch.zeros(len(rows), length)
    for i, r in enumerate(rows):
        values[i, : len(r)], mask[i, : len(r)] = r, 1
    return {"values": values, "mask": mask, "missing": torch.zeros(len(rows))}


@pytest.mark.parametrize("name", list(ENCODERS))
def test_padding_changes_nothing(name):
    encoder = made(name)
    rows = [torch.randn(n, 2) for n in LENGTHS]
    with torch.inference_mode():
        together = encoder(batch(rows, 30)).vector
        padded = encoder(batch(rows, 64)).vector
        alone = torch.cat([encoder(batch([r], len(r))).vector for r in rows])
    assert together.shape == (4, encoder.width)
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together, padded, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_missing_series_is_a_vector_of_zeros(name):
    inputs = batch([torch.randn(8, 2)] * 2, 8)
    inputs["missing"][1] = 1
    with torch.inference_mode():
        vector = made(name)(inputs).vector
    assert vector[1].abs().max() == 0
    assert vector[0].abs().max() > 0


def test_norm_counts_real_moments_only():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 10)
    mask = torch.ones(3, 1, 10)
    mask[0, :, 6:] = 0
    norm = MaskedNorm(4).train()
    y = norm(x * mask, mask)
    real = y.permute(0, 2, 1)[mask[:, 0] > 0]
    assert torch.allclose(real.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(real.std(0, unbiased=False), torch.ones(4), atol=1e-3)
    assert y[0, :, 6:].abs().max() == 0
    full = MaskedNorm(4).train()(x, torch.ones(3, 1, 10))
    assert torch.allclose(full, torch.nn.BatchNorm1d(4).train()(x), atol=1e-5)


def test_augmentation_keeps_padding_and_ends_and_does_nothing_where_not_asked():
    torch.manual_seed(1)
    inputs = batch([torch.linspace(0, 1, n)[:, None].expand(-1, 2) for n in LENGTHS], 30)
    x, mask = inputs["values"], inputs["mask"]
    assert torch.equal(augment(x, mask, {"jitter": 0, "scaling": 0, "warp": 0}), x)
    changed = augment(x, mask, {"jitter": 0.1, "scaling": 0.1, "warp": 0.5})
    assert (changed * (1 - mask[:, :, None])).abs().max() == 0
    assert (changed - x).abs().max() > 0.01
    moved = torch.stack([warped(x, mask, 0.5)[0, :, 0] for _ in range(20)])
    assert (moved.diff(dim=1) >= -1e-6).all()  # time runs forward
    assert torch.allclose(moved[:, 0], torch.zeros(20), atol=1e-5)
    assert torch.allclose(moved[:, 29], torch.ones(20), atol=1e-4)
    assert (moved - x[0, :, 0]).abs().max() > 0.01
