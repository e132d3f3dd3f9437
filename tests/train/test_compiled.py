"""Compiled steps: taken where they are faster, and done without where they are not, or where there is no compiler."""

import time

import pytest
import torch

from crew_made import fit
from modelwright.train import compiled
from modelwright.train.compiled import Compiled

TOLD = {"blocks": True, "epochs": 6, "compiles": True}


def far(a, b):
    return max(float((x - y).detach().abs().max()) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(compiled, "_WARM", 2)
    monkeypatch.setattr(compiled, "_MEASURED", 4)
    monkeypatch.setattr(compiled, "_LEAST", 1.0)


def trained(monkeypatch, made, **told):
    """Train with another compiler; return the network, what was said, and the modes that were asked for."""
    heard, modes = [], []

    def compiler(network, mode):
        modes.append(mode)
        return made(network)

    monkeypatch.setattr(torch, "compile", compiler)
    network, _ = fit(None, {**TOLD, **told}, heard=heard.append)
    return network, [e.words for e in heard if hasattr(e, "words")], modes


def slowed(network, seconds=0.02):
    def through(tensors):
        time.sleep(seconds)
        return network(tensors)

    return through


def broken_backward(network):
    def fail(_):
        raise RuntimeError("no kernel for this")

    def through(tensors):
        out = network(tensors)
        out.register_hook(fail)
        return out

    return through


def no_compiler(network):
    raise RuntimeError("no C++ compiler\nis found")


def broken(network):
    def through(tensors):
        raise ValueError("cannot be traced")

    return through


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (slowed, "are no faster"),
        (no_compiler, "stay as they are (RuntimeError: no C++ compiler)"),
        (broken, "stay as they are (ValueError: cannot be traced)"),
        (broken_backward, "stay as they are (RuntimeError: no kernel for this)"),
    ],
)
def test_the_steps_are_those_of_a_plain_fit_and_why_is_said(monkeypatch, made, said):
    alone, _ = fit(None, {k: v for k, v in TOLD.items() if k != "compiles"})
    network, (words,), modes = trained(monkeypatch, made)
    assert far(alone, network) < 1e-7
    assert said in words.en
    assert "编译" in words.zh
    assert modes == ["default"]


def test_what_is_faster_stays(monkeypatch):
    clock = iter([0.0, 4.0, 10.0, 11.0])  # of four plain steps, and of four compiled ones
    monkeypatch.setattr(Compiled, "_now", lambda _: next(clock))
    calls = []

    def counted(network):
        return lambda tensors: calls.append(1) or network(tensors)

    network, (words,), _ = trained(monkeypatch, counted)
    assert words.en.endswith("steps are compiled (250.0 / 1000.0 ms)")
    assert len(calls) == 30 - 5  # from the sixth step on
    assert far(fit(None, {k: v for k, v in TOLD.items() if k != "compiles"})[0], network) < 1e-7


def test_with_little_time_left_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(compiled, "_LEAST", 1e6)
    _, (words,), modes = trained(monkeypatch, slowed)
    assert "too little time" in words.en
    assert modes == []


def test_an_error_of_a_plain_step_is_raised(monkeypatch):
    step = Compiled.step

    def failing(self):
        step(self)
        self._network = broken(self._network)

    monkeypatch.setattr(Compiled, "step", failing)
    with pytest.raises(ValueError, match="cannot be traced"):
        trained(monkeypatch, slowed)
