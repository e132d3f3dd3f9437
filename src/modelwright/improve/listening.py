"""A blind comparison of two voices by ears: one page of pairs in hidden order, and what the answers say, looked at as often as one likes.

The page holds no name of a voice; which of a pair is whose stands in a key beside it. Both sounds of a pair are equally loud, since the louder
one is liked better. What is said of the answers holds at all looks together (`improve/sequential.py`). Legend: N pairs, T samples.
"""

from __future__ import annotations

import hashlib
import html
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

from modelwright.core import plain_json
from modelwright.core.errors import DataError, OptionError
from modelwright.core.pretrained import bare_name
from modelwright.core.run import read_json, write_json, write_text
from modelwright.core.words import Words
from modelwright.data.provenance import marked_wav
from modelwright.evaluate.report.page import style
from modelwright.evaluate.report.played import sound_url
from modelwright.features.shared.speech import levelled
from modelwright.improve.sequential import LEAST_UNITS, always_valid_p, arm, half_width
from modelwright.release.bundle import Predictor, load
from modelwright.release.registry.find import find_bundle

MOST = 200  # pairs of a page
_MOST_SECONDS = 30.0  # of one sound
EFFECT, ALPHA = 0.1, 0.05  # a share of .6 against .4 matters
CHOICES = ("first", "second", "none")
Verdict = Literal["early", "open", "a", "b", "alike"]


@dataclass(frozen=True)
class Preference:
    """What N answers say: how often each voice was preferred, the share of the first (a tie counts half) with its always-valid interval."""

    answers: int
    a: int
    b: int
    ties: int
    share: float
    low: float
    high: float
    p: float
    verdict: Verdict


def make_page(first: str, second: str, texts: Sequence[str], out: Path, lang: str = "en") -> dict[str, Any]:
    """Write the page `out` and beside it `<name>.key.json`; return how many pairs there are, and what was left out.

    Raises OptionError where a model does not speak, or both are one; DataError where nothing of the texts can be said by both.
    """
    said = [t.strip() for t in texts if t.strip()]
    if not said:
        raise DataError("There is no text to read out; expected one a line.", "没有可朗读的文本；应为每行一条。")
    if len(said) > MOST:
        raise DataError(
            f"There are {len(said)} texts; a page holds at most {MOST}.",
            f"共有 {len(said)} 条文本；一页最多 {MOST} 条。",
        )
    voices = [_speaker(name) for name in (first, second)]
    pairs, gone = [], []
    for text in said:
        sounds = [_as_data_url(v, text) for v in voices]
        if any(s is None for s in sounds):
            gone.append(text)
            continue
        swapped = secrets.randbelow(2)
        made = [str(s) for s in (sounds[::-1] if swapped else sounds)]
        pairs.append(({"id": secrets.token_hex(4), "text": text, "sounds": made}, "b" if swapped else "a"))
    if not pairs:
        raise DataError(
            f"None of {len(said)} texts can be said by both voices.", f"{len(said)} 条文本都无法由两个声音同时读出。"
        )
    name = secrets.token_hex(8)
    key = {"test": name, "a": bare_name(first), "b": bare_name(second), "first": {p["id"]: who for p, who in pairs}}
    write_text(out, _page(name, [p for p, _ in pairs], lang))
    write_json(key_of(out), key)
    return {"pairs": len(pairs), "left_out": gone, "page": str(out), "key": str(key_of(out))}


def key_of(page: Path) -> Path:
    """Return where the key of a page lies."""
    return page.with_name(page.stem + ".key.json")


def tell(key: Path, votes: Sequence[Path]) -> tuple[dict[str, Any], Preference]:
    """Return the key, and what the files of answers say. Raises DataError that names the file for what is none of this test."""
    told = _read_object(key)
    if not isinstance(told.get("first"), dict) or not {"test", "a", "b"} <= told.keys():
        raise DataError(
            f"{key} is no key of a listening test; expected the NAME.key.json beside the page.",
            f"{key} 不是听音测试的密钥文件；应为页面旁的 NAME.key.json。",
        )
    seen: dict[str, Path] = {}
    scores: list[float] = []
    for path in votes:
        scores += _scores(path, told, seen)
    return told, preference(scores)


def _scores(path: Path, key: Mapping[str, Any], seen: dict[str, Path]) -> list[float]:
    found = _read_object(path)
    given = found.get("votes")
    if found.get("test") != key["test"] or not isinstance(given, dict):
        raise DataError(
            f"{path} holds no answers to this test: expected the file that its page saves.",
            f"{path} 不是该测试的答案：应为其页面保存的文件。",
        )
    mark = hashlib.sha256(plain_json.dumps(given).encode()).hexdigest()
    if mark in seen:
        raise DataError(
            f"{path} is the same as {seen[mark]}; each answer counts once.",
            f"{path} 与 {seen[mark]} 相同；每份答案只计一次。",
        )
    seen[mark] = path
    out = []
    for pair, choice in given.items():
        if pair not in key["first"] or choice not in CHOICES:
            raise DataError(
                f"{path}: expected `{'`, `'.join(CHOICES)}` for a pair of this test, received `{str(choice)[:40]}` for `{str(pair)[:40]}`.",
                f"{path}：应为该测试各对的 `{'`、`'.join(CHOICES)}`，收到的是 `{str(pair)[:40]}` 的 `{str(choice)[:40]}`。",
            )
        if choice == "none":
            out.append(0.5)
        else:
            out.append(float((choice == "first") == (key["first"][pair] == "a")))
    return out


def preference(scores: Sequence[float]) -> Preference:
    """Return what answers say: 1 where the first voice was preferred, 0 for the second, .5 for neither."""
    values = np.asarray(scores, float)
    a, b = int((values == 1).sum()), int((values == 0).sum())
    if not len(values):
        return Preference(0, 0, 0, 0, float("nan"), 0.0, 1.0, 1.0, "early")
    found = arm(values, np.ones(len(values)), "rate")
    half = half_width(found.variance, EFFECT, ALPHA)
    low, high = max(0.0, found.mean - half), min(1.0, found.mean + half)
    verdict: Verdict = "open"
    if len(values) < LEAST_UNITS:
        verdict = "early"
    elif low > 0.5 or high < 0.5:
        verdict = "a" if low > 0.5 else "b"
    elif low > 0.5 - EFFECT and high < 0.5 + EFFECT:
        verdict = "alike"
    p = 1.0 if verdict == "early" else always_valid_p(found.mean - 0.5, found.variance, EFFECT)
    return Preference(len(values), a, b, len(values) - a - b, found.mean, low, high, p, verdict)


def words_of(key: Mapping[str, Any], found: Preference) -> Words:
    """Return in a sentence or two what was found, and whether to go on."""
    a, b = str(key["a"]), str(key["b"])
    if not found.answers:
        return Words("There are no answers yet.", "还没有答案。")
    counts = Words(
        f"{found.answers} answers: `{a}` preferred {found.a} times, `{b}` {found.b}, neither {found.ties}. Share of `{a}` {found.share:.2f} ({found.low:.2f} to {found.high:.2f}, valid at every look). ",
        f"{found.answers} 个答案：偏好 `{a}` {found.a} 次，`{b}` {found.b} 次，无差别 {found.ties} 次。`{a}` 的比例为 {found.share:.2f}（{found.low:.2f} 至 {found.high:.2f}，任何时候查看均有效）。",
    )
    verdicts: dict[Verdict, Words] = {
        "early": Words(
            f"Too early to say: at least {LEAST_UNITS} answers are needed.",
            f"为时尚早：至少需要 {LEAST_UNITS} 个答案。",
        ),
        "open": Words("Nothing is certain yet: listen on.", "尚无定论：请继续听。"),
        "a": Words(f"`{a}` is preferred; you may stop.", f"更偏好 `{a}`，可以停止。"),
        "b": Words(f"`{b}` is preferred; you may stop.", f"更偏好 `{b}`，可以停止。"),
        "alike": Words("Any difference is smaller than 60 to 40; you may stop.", "差别小于 60 比 40，可以停止。"),
    }
    return Words(counts.en + verdicts[found.verdict].en, counts.zh + verdicts[found.verdict].zh)


def _speaker(name: str) -> Predictor:
    predictor = load(find_bundle(name))
    if not hasattr(predictor.members[0][1], "speak"):
        raise OptionError(
            f"`{name}` does not speak: it is a model of task {predictor.task.name}; expected text-to-speech.",
            f"`{name}` 不能朗读：其任务为 {predictor.task.name}；应为 text-to-speech。",
        )
    return predictor


def _as_data_url(predictor: Predictor, text: str) -> str | None:
    """Return a text as a voice says it, as loud as every other, as a data URL; None where it cannot."""
    model: Any = predictor.members[0][1]
    if predictor.table([{model.voice.text: text}])[1]:
        return None
    parts = [p.samples for p in model.speak(text)]
    made = np.concatenate([np.zeros(0, np.float32), *parts])[: int(_MOST_SECONDS * model.rate)]
    if not len(made):
        return None
    loud = levelled(made, model.rate)
    top = float(np.abs(loud).max())
    # the mark says that a model made it, and not which
    return sound_url(
        marked_wav(loud if top <= 0.99 else loud * np.float32(0.99 / top), model.rate, {"for": "listening test"})
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError) as e:
        raise DataError(
            f"{path} cannot be read ({type(e).__name__}).", f"无法读取 {path}（{type(e).__name__}）。"
        ) from e
    return found if isinstance(found, dict) else {}


def _page(test: str, pairs: Sequence[Mapping[str, Any]], lang: str) -> str:
    data = plain_json.dumps({"test": test, "pairs": list(pairs)}).replace("<", "\\u003c")
    title = Words("Which sounds better?", "哪一个更好听？").to(lang)
    nonce = secrets.token_urlsafe(16)
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; media-src data:; img-src data:; base-uri 'none'"
    return (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="icon" href="data:,"><style nonce="{nonce}">{style()}\n{_static("listen.css")}</style></head>'
        f'<body><main class="listen" id="app" data-lang="{lang}"></main><script type="application/json" id="pairs" nonce="{nonce}">{data}</script>'
        f'<script nonce="{nonce}">{_static("listen.js")}</script></body></html>'
    )


def _static(name: str) -> str:
    return files("modelwright.improve").joinpath("static", name).read_text(encoding="utf-8")
