"""What a language model writes by itself, how varied it is, and how much of it is repeated from the training texts.

Source of the check: Carlini et al. 2021 (stretches of 50 characters or more that stand in the training texts).
"""

from __future__ import annotations

import json
import time
from typing import Any

from modelwright.core.task import Section
from modelwright.core.words import Words, shortened

WINDOW = 50
_SAMPLES, _TOKENS = 8, 200
_MOST = 20 << 20  # characters of training texts that are looked through


def distinct(texts: list[str], n: int) -> float:
    """Return the share of different ones among all runs of n words (of n characters where a text has no spaces)."""
    grams: list[tuple[str, ...]] = []
    for text in texts:
        words = text.split() if text.count(" ") * 12 > len(text) else list(text)
        grams += [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def longest_shared(sample: str, training: str) -> str:
    """Return the longest stretch of a sample that stands in the training text."""
    best, begin, end = "", 0, 1
    while end <= len(sample):
        if sample[begin:end] in training:
            if end - begin > len(best):
                best = sample[begin:end]
            end += 1
        else:
            begin += 1
            end = max(end, begin + 1)
    return best


def copied(sample: str, training: str, until: float) -> tuple[int, int]:
    """Return how many windows of 50 characters of a sample stand in the training text, and how many were looked up."""
    found = looked = 0
    for i in range(0, max(0, len(sample) - WINDOW + 1), 5):
        if time.monotonic() > until and looked:
            break
        looked += 1
        found += sample[i : i + WINDOW] in training
    return found, looked


def plain(cell: str, form: str) -> str:
    """Return what the assistant says in a cell, or the cell itself."""
    if form == "chats":
        return "\n".join(m["content"] for m in json.loads(cell) if m["role"] == "assistant")
    if form == "preferences":
        return "\n".join(m["content"] for m in json.loads(cell)["chosen"])
    return cell


def sections(model: Any, cells: list[str], seconds: float) -> list[Section]:
    """Return samples and the check of memorisation; `model` is a language model, `cells` the training texts."""
    until = time.monotonic() + seconds
    samples = write(model, cells, until)
    if not samples:
        return []
    training = "\n".join(plain(c, model.form) for c in cells)[:_MOST]
    rows, found, looked = [], 0, 0
    for prompt, text in samples:
        shared = longest_shared(text[:400], training)
        a, b = copied(text, training, until)
        found, looked = found + a, looked + b
        rows.append([prompt, shortened(text, 300), str(len(shared)), shared[:60]])
    share = 100 * found / max(1, looked)
    texts = [t for _, t in samples]
    variety = ", ".join(f"{distinct(texts, n):.2f}" for n in (1, 2, 3))
    return [
        Section(
            "samples", Words("What it writes", "生成示例"),
            Words(
                f"{len(samples)} samples, not picked. Distinct-1, -2, -3: {variety}. {share:.0f} % of their stretches of {WINDOW} "
                f"characters ({found} of {looked}) appear word for word in the training texts.",
                f"{len(samples)} 个未经挑选的示例。Distinct-1、-2、-3：{variety}。其中 {WINDOW} 字符片段有 {share:.0f}%"
                f"（{looked} 个中的 {found} 个）与训练文本逐字相同。",
            ),
            (Words("prompt", "提示"), Words("text", "文本"), Words("longest copy", "最长重复"), Words("which", "内容")),
            rows, private=True,
        )
    ]  # fmt: skip


def write(model: Any, cells: list[str], until: float) -> list[tuple[str, str]]:
    """Return prompts and what the model says to them: from nothing, or to the first messages of training chats."""
    from modelwright.models.decode import Engine, Stream, run
    from modelwright.models.sampling import Sampling

    asked: list[tuple[str, list[int]]] = []
    if model.speaks:
        for cell in cells[:: max(1, len(cells) // _SAMPLES)][:_SAMPLES]:
            data = json.loads(cell)
            messages = data["prompt"] if model.form == "preferences" else data
            before = messages[: next((i for i, m in enumerate(messages) if m["role"] == "assistant"), len(messages))]
            if before:
                asked.append((before[-1]["content"][:80], model.chat_ids(before)[-model.context // 2 :]))
    else:
        asked = [("", model.prompt_ids(""))] * _SAMPLES
    streams = [
        Stream(ids or [model.vocabulary.end], Sampling(temperature=0.8, seed=i, max_tokens=_TOKENS), model.vocabulary.stops,
               model.vocabulary.pieces)
        for i, (_, ids) in enumerate(asked)
    ]  # fmt: skip
    run(Engine(model.net(_SAMPLES), _SAMPLES), streams, lambda: time.monotonic() > until)
    return [(prompt, s.text) for (prompt, _), s in zip(asked, streams) if s.text]
