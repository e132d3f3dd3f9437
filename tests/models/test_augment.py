"""Augmentation on batches: shapes stay, what is off changes nothing, shares are exact."""

import pytest
import torch

from modelwright.models.augment import DEFAULTS, augment, erased, mixed, recoloured, shifted, warped

OFF = dict.fromkeys(DEFAULTS, 0.0)


def batch(b=6, c=3, side=12):
    torch.manual_seed(0)
    return torch.randn(b, c, side, side)


def test_all_off_changes_nothing():
    assert torch.equal(augment(batch(), OFF), batch())


@pytest.mark.parametrize("change", [lambda x: shifted(x, 0.2), lambda x: warped(x, 0.5), lambda x: recoloured(x, 0.3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_change_keeps_the_shape_and_does_something(change, channels):
    x = batch(c=channels)
    out = change(x)
    assert out.shape == x.shape
    assert torch.isfinite(out).all()
    assert not torch.equal(out, x)


def test_a_flip_turns_left_to_right():
    x = batch(64)
    out = augment(x, {**OFF, "flip": True})
    turned = (out == x.flip(3)).flatten(1).all(1)
    kept = (out == x).flatten(1).all(1)
    assert (turned | kept).all()
    assert 10 < int(turned.sum()) < 54


def test_a_shift_moves_whole_pixels():
    x = torch.arange(100.0).reshape(1, 1, 10, 10)
    out = shifted(x, 0.1)
    assert set(out.flatten().tolist()) <= set(x.flatten().tolist())


def test_only_the_asked_share_is_erased():
    x = batch(400).abs() + 1
    hit = (erased(x, 0.25) == 0).flatten(1).any(1).float().mean()
    assert 0.15 < float(hit) < 0.35


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_pasted_strip_has_the_share_it_says(share):
    x = torch.stack([torch.zeros(3, 12, 12), torch.ones(3, 12, 12)])
    out = mixed(x, (torch.tensor([1, 0]), share, True))
    assert float(out[1].mean()) == pytest.approx(share)
    blended = mixed(x, (torch.tensor([1, 0]), share, False))
    assert float(blended[1].mean()) == pytest.approx(share)


def test_rows_that_are_marked_are_turned_and_no_others():
    x, turn = batch(), torch.tensor([True, False, False, True, True, False])
    out = augment(x, {**OFF, "flip": True}, turn)
    assert torch.equal(out[turn], x[turn].flip(3))
    assert torch.equal(out[~turn], x[~turn])
