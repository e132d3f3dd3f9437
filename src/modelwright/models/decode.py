"""Decoding with a key-value cache of slots: requests join and leave between steps, prompts are read in chunks between them.

One step reads at most one chunk of one prompt and then gives every running stream its next token, so that a long prompt
holds nobody up for longer than a chunk. Legend: B running streams, S slots, L tokens seen, V vocabulary, G key heads,
E head width.
"""

from __future__ import annotations

import codecs
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from modelwright.models.gpt import GPT
from modelwright.models.lean_step import lean_step
from modelwright.models.sampling import Sampling, choose

CHUNK = 256  # ids of a prompt that are read between two steps
_ALONE = 4 * CHUNK  # ids of prompts read together where no stream runs
_GROW = 128  # ids by which the cache grows


class Guide(Protocol):
    """What a constrained answer may go on with."""

    def mask(self) -> np.ndarray:
        """Return which ids may come next [V]."""

    def advance(self, token: int) -> None:
        """Take the id that was chosen."""

    def whole(self) -> bool:
        """Whether the answer may end here."""

    def done(self) -> bool:
        """Whether the answer is whole and nothing may follow."""


class Net(Protocol):
    """What the engine runs: a network with a cache of slots, at most `context` ids each."""

    context: int
    vocab: int

    def read(self, ids: Sequence[int], slot: int, at: int) -> Tensor:
        """Take ids at positions from `at` on into a slot; return the logits [V] after the last."""

    def step(self, ids: Sequence[int], at: Sequence[int]) -> Tensor:
        """Take one id for each of the first B slots at its position; return logits [B, V]."""

    def move(self, source: int, goal: int) -> None:
        """Copy a slot over another."""


class CachedGPT:
    """A GPT with its cache; grows with the longest stream and the number of streams."""

    def __init__(self, network: GPT, slots: int, context: int | None = None) -> None:
        self.network, self.slots = network, slots
        c = network.config
        self.context = min(c.context, context or c.context)
        self.vocab = c.vocab
        self.device = network.embed.device
        self._length, self._held = 0, 0
        self._cache: list[Tensor] = []
        self._lean = lean_step(network)

    def _room(self, slots: int, length: int) -> None:
        if slots <= self._held and length <= self._length:
            return
        c = self.network.config
        held = max(self._held, min(self.slots, max(slots, 2 * self._held)))
        wanted = max(length, int(1.5 * self._length) if length > self._length else 0)
        size = max(self._length, min(self.context, -(-wanted // _GROW) * _GROW))
        shape = (2, held, c.kv_heads, size, c.head)
        before, self._cache = self._cache, []
        for i in range(c.layers):
            new = torch.zeros(shape, dtype=self.network.compute, device=self.device)
            if before:
                new[:, : self._held, :, : self._length] = before[i]
                before[i] = new[:0]  # free the old one at once
            self._cache.append(new)
        self._held, self._length = held, size

    @torch.inference_mode()
    def read(self, ids: Sequence[int], slot: int, at: int) -> Tensor:
        """As Net.read."""
        n, net = len(ids), self.network
        self._room(slot + 1, at + n)
        x, turn = net.start(
            torch.tensor([list(ids)], device=self.device), torch.arange(at, at + n, device=self.device)[None]
        )
        mask = None
        if n > 1 and at:
            mask = torch.ones(n, at + n, dtype=torch.bool, device=self.device).tril(at)
        grouped = net.config.heads != net.config.kv_heads
        for block, cache in zip(net.blocks, self._cache):
            q, k, v = block.heads(x, turn)
            cache[0, slot, :, at : at + n] = k[0].transpose(0, 1)
            cache[1, slot, :, at : at + n] = v[0].transpose(0, 1)
            k, v = cache[0, slot : slot + 1, :, : at + n], cache[1, slot : slot + 1, :, : at + n]
            y = F.scaled_dot_product_attention(
                q.transpose(1, 2), k, v, attn_mask=mask, is_causal=n > 1 and not at, enable_gqa=grouped
            )
            x = block.finish(x, y.transpose(1, 2).flatten(2))
        return net.logits(net.norm(x[:, -1]))[0]

    @torch.inference_mode()
    def read_many(self, prompts: Sequence[Sequence[int]], slot: int) -> Tensor:
        """Take whole prompts into the slots from `slot` on, together; return the logits [B, V] after the last id of each.

        What pads the shorter ones stands after them, where nothing looks before it is written anew.
        """
        net, sizes = self.network, [len(p) for p in prompts]
        B, longest = len(prompts), max(sizes)
        self._room(slot + B, longest)
        ids = torch.tensor([[*p, *([0] * (longest - len(p)))] for p in prompts], device=self.device)
        x, turn = net.start(ids, torch.arange(longest, device=self.device)[None])
        grouped = net.config.heads != net.config.kv_heads
        for block, cache in zip(net.blocks, self._cache):
            q, k, v = (t.transpose(1, 2) for t in block.heads(x, turn))
            cache[0, slot : slot + B, :, :longest], cache[1, slot : slot + B, :, :longest] = k, v
            y = F.scaled_dot_product_attention(q, k, v, is_causal=longest > 1, enable_gqa=grouped)
            x = block.finish(x, y.transpose(1, 2).flatten(2))
        last = x[torch.arange(B, device=self.device), torch.tensor(sizes, device=self.device) - 1]
        return net.logits(net.norm(last))

    @torch.inference_mode()
    def step(self, ids: Sequence[int], at: Sequence[int]) -> Tensor:
        """As Net.step."""
        net, c, B = self.network, self.network.config, len(ids)
        longest = max(at) + 1
        self._room(B, longest)
        places = torch.tensor(at, device=self.device)
        if self._lean is not None:
            return self._lean(torch.tensor(ids), places, self._cache, longest, min(at) + 1 == longest)
        x, turn = net.start(torch.tensor(ids, device=self.device)[:, None], places[:, None])
        rows = torch.arange(B, device=self.device)
        even = min(at) + 1 == longest
        mask = None if even else (torch.arange(longest, device=self.device) <= places[:, None])[:, None, None]
        group = c.heads // c.kv_heads
        for block, cache in zip(net.blocks, self._cache):
            q, k, v = block.heads(x, turn)
            if even:
                cache[0, :B, :, longest - 1] = k[:, 0]
                cache[1, :B, :, longest - 1] = v[:, 0]
            else:
                cache[:, rows, :, places] = torch.stack([k[:, 0], v[:, 0]], 1)
            seen = cache[:, :B, :, :longest]
            # the queries of a group stand as rows before their one key head
            y = F.scaled_dot_product_attention(q.view(B, c.kv_heads, group, c.head), seen[0], seen[1], attn_mask=mask)
            x = block.finish(x, y.reshape(B, 1, -1))
        return net.logits(net.norm(x[:, 0]))

    @torch.inference_mode()
    def move(self, source: int, goal: int) -> None:
        """As Net.move."""
        for cache in self._cache:
            cache[:, goal] = cache[:, source]


@dataclass(eq=False)
class Stream:
    """One answer under way. `fresh` are the ids and text since last taken; `reason` is set at the end: stop, length."""

    prompt: list[int]
    sampling: Sampling
    stops: frozenset[int]
    pieces: Sequence[bytes | None]
    guide: Guide | None = None
    tell: Callable[[Stream, str], None] | None = None
    ids: list[int] = field(default_factory=list)
    text: str = ""
    reason: str | None = None
    error: str | None = None
    logprobs: list[tuple[int, float, list[tuple[int, float]]]] = field(default_factory=list)
    slot: int = -1
    read: int = 0  # ids of the prompt that stand in the cache
    number: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.sampling.seed)
        self._decoder: Any = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._longest = max((len(s) for s in self.sampling.stop), default=0)

    @property
    def at(self) -> int:
        """Return the position of the last id."""
        return len(self.prompt) + len(self.ids) - 1

    def take(self, token: int) -> str:
        """Add an id; return the text that can be told by now. A stop string is never told, not even its beginning."""
        if self.guide is not None and token not in self.stops:
            self.guide.advance(token)
        if token in self.stops:
            self.reason = "stop" if self.guide is None or self.guide.whole() else "length"
            return self._tell("", True)
        self.ids.append(token)
        new = self._decoder.decode(self.pieces[token] or b"")
        if self.guide is not None and self.guide.done():
            self.reason = "stop"
        elif len(self.ids) >= self.sampling.max_tokens:
            self.reason = "length"
        return self._tell(new, self.reason is not None)

    def _tell(self, new: str, last: bool) -> str:
        if last:
            new += self._decoder.decode(b"", True)
        held = self._held + new
        found = [held.find(s) for s in self.sampling.stop]
        cut = min((f for f in found if f >= 0), default=-1)
        if cut >= 0:
            self.reason = "stop"
            told, self._held = held[:cut], ""
        elif last or not self._longest:
            told, self._held = held, ""
        else:
            keep = 0
            for s in self.sampling.stop:
                keep = max(keep, *(n for n in range(len(s)) if held.endswith(s[:n])))
            told, self._held = held[: len(held) - keep], held[len(held) - keep :]
        self.text += told
        return told


class Engine:
    """Runs streams over a network: `add`, then `step` until `busy` is false. Not for more than one thread."""

    def __init__(self, net: Net, slots: int) -> None:
        self.net, self.slots = net, slots
        self.waiting: deque[Stream] = deque()
        self.reading: Stream | None = None
        self.running: list[Stream] = []
        self.steps = 0
        self._numbers = itertools.count()

    @property
    def busy(self) -> bool:
        """Return whether any stream is not at its end."""
        return bool(self.waiting or self.running or self.reading)

    def add(self, stream: Stream) -> None:
        """Let a stream join; the prompt must be shorter than the context by one id at least."""
        stream.number = next(self._numbers)
        self.waiting.append(stream)

    def drop(self, stream: Stream) -> None:
        """End a stream that nobody waits for any more."""
        if stream.reason is None:
            stream.reason = "stop"
        if stream in self.waiting:
            self.waiting.remove(stream)
        if stream is self.reading:
            self.reading = None
        if stream in self.running:
            self._leave(stream)

    def step(self) -> None:
        """Read one chunk of one prompt, or a few short prompts, and give every running stream its next id."""
        self.steps += 1
        together = self._together() if self.reading is None else []
        if together:
            self._read_many(together)
        elif self.reading is None and self.waiting and len(self.running) < self.slots:
            self.reading = self.waiting.popleft()
        if self.reading is not None:
            self._read_prompt(self.reading)
        if self.running:
            logits = self.net.step([s.ids[-1] for s in self.running], [s.at for s in self.running])
            self._choose(list(self.running), logits)

    def _together(self) -> list[Stream]:
        """Return the next streams, two or more, whose prompts padded to the longest are no more than a chunk, or a few where none runs."""
        if not hasattr(self.net, "read_many"):
            return []
        out: list[Stream] = []
        longest = 0
        for stream in self.waiting:
            longest = max(longest, len(stream.prompt))
            most = CHUNK if self.running else _ALONE  # where nobody waits for a next id, more may be read at once
            if len(self.running) + len(out) >= self.slots or longest * (len(out) + 1) > most:
                break
            out.append(stream)
        return out if len(out) > 1 else []

    def _read_many(self, streams: list[Stream]) -> None:
        logits = self.net.read_many([s.prompt for s in streams], len(self.running))  # type: ignore[attr-defined]
        for stream in streams:
            self.waiting.popleft()
            stream.slot, stream.read = len(self.running), len(stream.prompt)
            self.running.append(stream)
        self._choose(streams, logits)

    def _read_prompt(self, stream: Stream) -> None:
        slot = len(self.running)  # the slot after those that run; it moves when they leave, so it is read to the end
        if stream.slot != slot:
            if stream.slot > slot and stream.read:
                self.net.move(stream.slot, slot)
            stream.slot = slot
        part = stream.prompt[stream.read : stream.read + CHUNK]
        logits = self.net.read(part, slot, stream.read)
        stream.read += len(part)
        if stream.read == len(stream.prompt):
            self.reading = None
            self.running.append(stream)
            self._choose([stream], logits[None])

    def _choose(self, streams: list[Stream], logits: Tensor) -> None:
        masks = [s.guide.mask() if s.guide is not None else None for s in streams]
        chosen = choose(logits, [(s.sampling, s.rng, s.prompt, s.ids) for s in streams], masks)
        for s, (token, logprob, top) in zip(streams, chosen):
            if s.sampling.logprobs is not None and token not in s.stops:
                s.logprobs.append((token, logprob, top))
            told = s.take(token)
            if s.reason is None and s.at + 1 >= self.net.context:
                s.reason = "length"
                told += s._tell("", True)
            if s.tell is not None:
                s.tell(s, told)
        for s in [s for s in streams if s.reason is not None]:
            if s in self.running:
                self._leave(s)

    def _leave(self, stream: Stream) -> None:
        """Free a stream's slot: the last running one moves into it."""
        last = self.running.pop()
        if last is not stream:
            self.net.move(last.slot, stream.slot)
            last.slot = stream.slot
            self.running[self.running.index(stream)] = last
        stream.slot = -1


def run(engine: Engine, streams: Sequence[Stream], expired: Callable[[], bool] | None = None) -> None:
    """Run streams to their ends; those still under way when `expired` end where they are."""
    for s in streams:
        engine.add(s)
    while engine.busy:
        engine.step()
        if expired is not None and expired():
            for s in streams:
                if s.reason is None:
                    engine.drop(s)
                    s.reason = "length"
