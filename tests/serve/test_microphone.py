"""A microphone at a socket: samples that are cut anywhere, words between them, silence and rubbish refused in a sentence."""

import asyncio
import json

import numpy as np
import pytest

from modelwright.serve import microphone
from modelwright.serve.limits import Refused
from modelwright.serve.microphone import Microphone


class Socket:
    """Gives messages one after the other, then nothing."""

    def __init__(self, *messages):
        self.messages = list(messages)

    async def receive(self):
        if not self.messages:
            await asyncio.sleep(60)
        one = self.messages.pop(0)
        if one is None:
            return {"type": "websocket.disconnect"}
        return {"type": "websocket.receive", "bytes" if isinstance(one, bytes) else "text": one}


def gathered(*messages, commands=(), rate=8000, spend=lambda: None, **more):
    heard = Microphone(Socket(*messages), rate, 8000, spend, commands, **more)

    async def run():
        return [m async for m in heard.messages()]

    return heard, asyncio.run(run())


END = json.dumps({"type": "end"})


def test_samples_may_be_cut_anywhere():
    wanted = np.arange(-500, 500, dtype="<i2")
    data = wanted.tobytes()
    heard, got = gathered(data[:333], data[333:334], data[334:], END)
    np.testing.assert_allclose(np.concatenate(got) * 32768, wanted, atol=1e-3)
    assert heard.ended
    assert heard.seen == pytest.approx(1000 / 8000)


def test_who_goes_without_a_word_has_not_ended():
    assert not gathered(b"\0\0", None)[0].ended


def test_commands_come_between_sounds():
    _, got = gathered(b"\0\0", json.dumps({"type": "stop"}), END, commands=("stop",))
    assert got[1] == "stop"
    with pytest.raises(Refused, match=r"bytes, or \{\"type\": \"end\"\}") as e:
        gathered(json.dumps({"type": "stop"}))
    assert e.value.words.zh.startswith("应为音频字节")
    with pytest.raises(Refused):
        gathered("no json")


def test_each_twenty_seconds_are_paid_for():
    paid = []
    gathered(b"\0" * 2 * 8000 * 25, END, spend=lambda: paid.append(1))
    assert len(paid) == 2


def test_silence_ends_the_stream_in_good_order(monkeypatch):
    monkeypatch.setattr(microphone, "SILENT", 0.05)
    done = []

    async def finish():
        done.append(True)

    with pytest.raises(Refused, match="Nothing came"):
        gathered(b"\0\0", on_silence=finish)
    assert done == [True]


def test_too_long_a_message_is_refused(monkeypatch):
    monkeypatch.setattr(microphone, "MESSAGE", 10)
    with pytest.raises(Refused, match="may hold 10 bytes"):
        gathered(b"\0" * 12)


def taken(*messages, slow=0.0):
    heard = Microphone(Socket(*messages), 8000, 8000, lambda: None)

    async def run():
        out = []
        async for samples in heard.gathered():
            out.append(len(samples))
            await asyncio.sleep(slow)
        return out

    return heard, asyncio.run(run())


def test_who_is_behind_reads_what_waits_at_once():
    heard, sizes = taken(*[bytes(1600)] * 20, END, slow=0.01)
    assert sum(sizes) == 20 * 800
    assert len(sizes) < 5
    assert heard.ended


def test_no_more_than_some_seconds_wait():
    _, sizes = taken(*[bytes(16_000)] * 30, END, slow=0.01)
    assert sum(sizes) == 30 * 8000
    assert max(sizes) <= (microphone._HELD + 2) * 8000


def test_what_is_refused_is_told_after_what_came_before():
    got = []

    async def run():
        async for samples in Microphone(Socket(bytes(800), "rubbish"), 8000, 8000, lambda: None).gathered():
            got.append(len(samples))

    with pytest.raises(Refused):
        asyncio.run(run())
    assert got == [400]
