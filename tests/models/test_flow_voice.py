"""Flow matching of spectra: what is drawn is spread as speech is, padding changes nothing, and the same text sounds the same."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from modelwright.models.flow_voice import Direction, FlowAcoustic, flow_loss, told
from modelwright.train.voice_flows import FlowSoundsFeed

OPTIONS = SimpleNamespace(width=16, layers=1, dropout=0.0, steps=4, temperature=0.6, flow_layers=1)
BANDS = 6


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = FlowAcoustic(5, 1, BANDS, OPTIONS).eval()
    torch.nn.init.normal_(made.direction.out.weight, std=0.3)
    return made


def said(frames, seed=0):
    rng = np.random.default_rng(seed)
    sizes = np.full(3, frames // 3)
    return SimpleNamespace(
        units=np.array([[1, 0, 0], [2, 0, 1], [3, 0, 0]]), frames=sizes, speaker=0,
        mel=rng.standard_normal((frames, BANDS)).astype(np.float32), pitch=np.full(frames, 120, np.float32),
    )  # fmt: skip


def feed():
    zero, one = np.zeros(BANDS, np.float32), np.ones(BANDS, np.float32)
    return FlowSoundsFeed([said(15), said(24, 1)], np.array([4.8], np.float32), zero, one, 30)


def test_two_ways_of_saying_a_thing_are_both_drawn_and_not_their_mean():
    torch.manual_seed(0)
    network = Direction(1, 1, 16, 1, 0.0)
    learn = torch.optim.Adam(network.parameters(), lr=1e-2)
    known, real = torch.zeros(64, 4, 1), torch.ones(64, 4, 1)
    for _ in range(150):
        wanted = torch.where(torch.rand(64, 1, 1) < 0.5, -1.0, 1.0).expand(64, 4, 1)
        noise, time = torch.randn(64, 4, 1), torch.rand(64)
        at = time[:, None, None]
        loss = ((network((1 - at) * noise + at * wanted, time, known, real) - (wanted - noise)) ** 2).mean()
        learn.zero_grad()
        loss.backward()
        learn.step()
    with torch.inference_mode():
        point = torch.randn(64, 4, 1)
        for k in range(10):
            point = point + network(point, torch.full((64,), k / 10), known, real) / 10
    whole = point.mean(1)[:, 0]
    assert whole.abs().median() > 0.6
    assert 0.2 < (whole > 0).float().mean() < 0.8


def test_padding_changes_nothing_and_neither_does_a_neighbour(network):
    with torch.inference_mode():
        alone = network.decode(*inputs(network, 15, 15))[0]
        padded = network.decode(*inputs(network, 15, 22))[0]
        noise = torch.randn(2, 22, BANDS)
        real = torch.ones(2, 22, 1)
        real[0, 15:] = 0
        both = network.direction(noise * real, torch.full((2,), 0.5), torch.zeros(2, 22, BANDS + 2), real)
        one = network.direction(noise[:1, :15], torch.full((1,), 0.5), torch.zeros(1, 15, BANDS + 2), real[:1, :15])
    assert torch.allclose(alone, padded[:, :15], atol=1e-5)
    assert torch.allclose(one, both[:1, :15], atol=1e-5)


def inputs(network, frames, size):
    x, _, tones = network.encode(torch.tensor([[[1, 0, 0], [2, 0, 1], [3, 0, 0]]]), torch.zeros(1, dtype=torch.long))
    place = torch.zeros(1, size, dtype=torch.long)
    place[0, :frames] = torch.arange(frames) * 3 // frames
    return x, tones, place, torch.zeros(1, size, 4), torch.tensor([frames])


def test_the_same_text_sounds_the_same_and_temperature_counts(network):
    with torch.inference_mode():
        one, again = (network.decode(*inputs(network, 12, 12))[0] for _ in range(2))
        network.temperature = 0.0
        still = network.decode(*inputs(network, 12, 12))[0]
    assert torch.equal(one, again)
    assert not torch.allclose(one, still)


def test_the_way_from_noise_to_speech():
    held = feed()
    (given, truth), (same, _) = (held.load(held.alone(1), "cpu") for _ in range(2))
    assert torch.equal(given["point"], same["point"])  # what is looked at between epochs is always the same
    end = given["point"] + (1 - given["time"][:, None, None]) * truth["direction"]
    assert torch.allclose(end, truth["mel"], atol=1e-5)
    seeds = [[seed for _, seed in held.epoch(np.random.default_rng(k))] for k in (0, 1)]
    assert seeds[0] != seeds[1]
    assert sum(held.size(b) for b in held.epoch(np.random.default_rng(0))) == held.total


def test_directions_count_where_there_are_frames(network):
    held = feed()
    given, truth = held.load((np.array([0, 1]), 3), "cpu")
    with torch.inference_mode():
        out = network(given)
        usual = flow_loss(out, truth)
        wrong = {**out, "direction": out["direction"].clone()}
        wrong["direction"][0, 15:] += 100  # past the end of the first one
        assert torch.isclose(flow_loss(wrong, truth), usual)
        wrong["direction"][0, 0] += 100
        assert flow_loss(wrong, truth) > usual + 10


def test_times_are_told_apart():
    found = told(torch.tensor([0.0, 0.01, 0.5]))
    assert found.shape == (3, 64)
    assert (found[0] - found[1]).abs().max() > 0.5
