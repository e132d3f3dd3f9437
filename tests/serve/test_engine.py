"""The writer's line: keys take turns however much one of them asks for, and what nobody waits for is passed over."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from modelwright.serve import engine
from modelwright.serve.engine import Writer


class OneByOne:
    """An engine of one slot that ends a stream in every step, once it is let go on."""

    def __init__(self, net, slots):
        self.slots, self.go, self.order = slots, threading.Event(), []
        self.waiting, self.running, self.reading = [], [], None

    @property
    def busy(self):
        return bool(self.waiting)

    def add(self, stream):
        self.waiting.append(stream)

    def drop(self, stream):
        if stream in self.waiting:
            self.waiting.remove(stream)

    def step(self):
        self.go.wait(10)
        stream = self.waiting.pop(0)
        self.order.append(stream.name)
        stream.reason = "stop"
        stream.ended.set()


def stream(name):
    return SimpleNamespace(
        name=name, prompt=[1] * 10, sampling=SimpleNamespace(max_tokens=10), reason=None, number=0, ended=threading.Event()
    )  # fmt: skip


def test_keys_take_turns(monkeypatch):
    monkeypatch.setattr(engine, "Engine", OneByOne)
    writer = Writer(None, 1)
    many, few = [stream(f"a{i}") for i in range(8)], [stream(f"b{i}") for i in range(2)]
    for s in many:
        writer.add(s, "a", 1.0)
    for s in few:
        writer.add(s, "b", 1.0)
    gone = many[5]
    writer.drop(gone)
    seen = threading.Event()
    writer.call(seen.set)
    writer.engine.go.set()
    for s in [*many, *few]:
        assert s is gone or s.ended.wait(10)
    writer.stop()
    order = writer.engine.order
    assert "a5" not in order
    assert order.index("b0") <= 3  # not after all eight of the other
    assert order.index("b1") <= 5
    assert writer.waiting == 0


def test_a_heavier_key_has_more(monkeypatch):
    monkeypatch.setattr(engine, "Engine", OneByOne)
    writer = Writer(None, 1)
    a, b = [stream(f"a{i}") for i in range(9)], [stream(f"b{i}") for i in range(9)]
    for one, other in zip(a, b):
        writer.add(one, "a", 3.0)
        writer.add(other, "b", 1.0)
    writer.engine.go.set()
    for s in [*a, *b]:
        assert s.ended.wait(10)
    writer.stop()
    assert sum(n.startswith("a") for n in writer.engine.order[:8]) >= 5
