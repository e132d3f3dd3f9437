"""Points on the ways that lead from noise to pictures, and the long steps that a second network learns from them."""

import numpy as np
import torch

from modelwright.models.generate.flow import sampled, way_points
from modelwright.train.flow_matching import FlowFeed, StrideFeed


class Curved(torch.nn.Module):
    """The field of x' = 3 t^2 (the condition), whose ways are known: x(t) = x(0) + condition * t^3."""

    def forward(self, batch):
        x, time, asked = batch
        return (3 * time**2 * asked)[:, None, None, None].expand_as(x)


def test_way_points_lie_on_the_ways():
    noise, asked = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.arange(5)
    points = way_points(Curved(), noise, asked, 1.0, 4, within=50)
    assert points.shape == (5, 5, 1, 4, 4)
    for k in range(5):
        wanted = noise + (asked * (k / 4) ** 3)[:, None, None, None]
        assert torch.allclose(points[k], wanted, atol=0.1)  # the last step is Euler's: nothing is asked at the end
    led = way_points(Curved(), noise, asked, 2.0, 4, within=50)
    assert torch.allclose(
        led[4] - noise, 2 * (points[4] - noise), atol=1e-4
    )  # no condition leads nowhere in this field


def test_long_steps_are_learnt_from_point_to_point():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5, 30, 1, 4, 4)).astype(np.float16)
    asked = np.arange(30) + 1
    feed = StrideFeed(points, asked, 16, 3)
    seen = set()
    for batch in feed.epoch(rng):
        (here, time, condition), way = feed.load(batch, "cpu")
        for i, row in enumerate(batch[0]):
            k = round(float(time[i]) * 4)
            seen.add(k)
            assert condition[i] == asked[row]
            assert np.allclose(here[i], points[k, row])
            # one Euler step of a network that answers so is at the next point
            assert np.allclose(here[i] + way[i] / 4, points[k + 1, row], atol=1e-2)
    assert seen == {0, 1, 2, 3}


def test_a_network_that_knows_the_long_steps_is_there_in_as_many():
    """Four of Euler's steps miss the end of a curved way; with the long steps they are at it."""
    noise, asked = torch.zeros(1, 1, 2, 2), torch.tensor([1])

    class Long(torch.nn.Module):
        def forward(self, batch):
            x, time, _ = batch
            return (4 * ((time + 0.25) ** 3 - time**3))[:, None, None, None].expand_as(x)

    assert torch.allclose(sampled(Long(), noise, asked, 4, 1.0, bound=2.0), torch.ones(1, 1, 2, 2), atol=1e-5)
    assert float(sampled(Curved(), noise, asked, 4, 1.0, bound=2.0).max()) < 0.7


def test_points_on_straight_paths():
    pictures = np.full((8, 1, 2, 2), 255, np.uint8)
    feed = FlowFeed(pictures, np.arange(8) + 1, 8, 1, mirror=False)
    (batch,) = feed.epoch(np.random.default_rng(1))
    (point, time, _), way = feed.load(batch, "cpu")
    assert torch.allclose(point + (1 - time)[:, None, None, None] * way, torch.ones(8, 1, 2, 2), atol=1e-5)
