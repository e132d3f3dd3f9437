"""PSNR and SSIM as the papers take them, held against values computed by hand."""

import numpy as np
import pytest

from modelwright.data.colour import in_channels, luma, to_rgb, to_ycbcr
from modelwright.data.image_quality import MOST_DB, figures, fitted, psnr, ssim
from pictures_made import picture


def test_luma_is_of_studio_range():
    corners = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8)
    assert luma(corners)[0] == pytest.approx([16.0, 235.0, 81.481])
    assert to_ycbcr(corners)[0, 1] == pytest.approx([235.0, 128.0, 128.0], abs=1e-3)
    pixels = picture(3)
    assert np.abs(to_rgb(to_ycbcr(pixels)) - pixels).max() < 1e-3
    assert in_channels(corners, 1)[0, :, 0].tolist() == [0, 255, 76]


def test_psnr_of_known_errors():
    a = np.full((9, 9), 100.0)
    assert psnr(a, a) == MOST_DB
    assert psnr(a, a + 1) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(a, a + 10) == pytest.approx(28.1308, abs=1e-4)


def test_ssim_of_equal_shifted_and_noisy():
    grey = luma(picture(4))
    assert ssim(grey, grey) == pytest.approx(1.0)
    assert 0.9 < ssim(grey, grey + 10) < 1.0
    noisy = grey + np.random.default_rng(0).normal(0, 40, grey.shape)
    assert ssim(grey, noisy) < 0.6
    assert np.isfinite(ssim(grey[:5, :5], grey[:5, :5] + 1))


def test_the_border_is_cut_and_larger_originals_are_fitted():
    wanted = picture(5, 41, 57)
    made = wanted[:40, :56].copy()
    made[0] = 0
    assert figures(made, wanted, 2)["psnr"] == MOST_DB
    assert figures(made, wanted, 0)["psnr"] < 40
    assert fitted(wanted, 20, 20) is None
    assert figures(made[:20, :20], wanted, 0) == {"psnr": 0.0, "ssim": 0.0, "psnr_colour": 0.0}


def test_colours_are_judged_apart_from_luma():
    pixels = picture(6)
    grey = in_channels(pixels, 1)
    found = figures(grey, pixels, 0)
    assert found["psnr"] > found["psnr_colour"] + 3
