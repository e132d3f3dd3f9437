"""A canvas and its mirror image are answered by mirror images."""

import numpy as np
import pytest
import torch

from modelwright.models.detection.mirrored import Mirrored
from modelwright.models.detection.network import Detector

HIGH, WIDE = 64, 96


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    made = Detector("tiny", 2, 16, (8, 16, 32)).eval()
    for head in made.heads:  # of a fresh one the places hardly differ
        torch.nn.init.normal_(head.logits.weight)
        torch.nn.init.normal_(head.sides.weight)
    return made


def turned_over(raw):
    """Boxes and logits as they lie in the mirrored picture, in an order of their own."""
    left, top, right, bottom = raw.boxes[0].unbind(-1)
    found = torch.cat([torch.stack([WIDE - right, top, WIDE - left, bottom], -1), raw.logits[0]], -1)
    x, y = WIDE - raw.points[:, 0], raw.points[:, 1]
    order = np.lexsort((x.numpy(), y.numpy(), raw.strides.numpy()))
    return found.numpy()[order]


@torch.inference_mode()
def test_a_mirrored_picture_has_mirrored_boxes(detector):
    pixels = torch.randint(0, 256, (1, HIGH, WIDE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    twice = Mirrored(detector).eval()
    here, there = twice({"pixels": pixels}), twice({"pixels": pixels.flip(2)})
    found = torch.cat([there.boxes[0], there.logits[0]], -1).numpy()
    order = np.lexsort((there.points[:, 0].numpy(), there.points[:, 1].numpy(), there.strides.numpy()))
    np.testing.assert_allclose(turned_over(here), found[order], atol=2e-3)
    alone = [detector({"pixels": p}) for p in (pixels, pixels.flip(2))]
    apart = torch.cat([alone[1].boxes[0], alone[1].logits[0]], -1).numpy()[order]
    assert np.abs(turned_over(alone[0]) - apart).max() > 0.1  # one look does not give that


@torch.inference_mode()
def test_what_both_looks_say_is_averaged(detector):
    pixels = torch.full((1, HIGH, WIDE, 3), 90, dtype=torch.uint8)
    pixels = torch.cat([pixels, pixels], 1)[:, :HIGH]
    pixels[:, 20:40, 30:66] = 200  # its own mirror image
    once, twice = detector({"pixels": pixels}), Mirrored(detector)({"pixels": pixels})
    np.testing.assert_allclose(
        twice.logits.mean(1), once.logits.mean(1), atol=1e-4
    )  # in a picture that is its own mirror image both say the same, at mirrored places
    assert twice.boxes.shape == once.boxes.shape
