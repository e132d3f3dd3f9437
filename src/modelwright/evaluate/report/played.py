"""Sounds that a report plays: what was made beside what was recorded. Nothing but WAV in data URLs is shown."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from modelwright.core.facts.details import SoundFact
from modelwright.evaluate.report.html import Html, tag

_SOUND = re.compile(r"data:audio/wav;base64,[A-Za-z0-9+/=]+")
_KINDS = ("made", "recorded")


def sound_url(data: bytes) -> str:
    """Return the bytes of a WAV as a data URL."""
    return "data:audio/wav;base64," + base64.b64encode(data).decode("ascii")


def played(sounds: Sequence[SoundFact], lang: str) -> Html:
    """Return players for sounds, one row a figure."""
    out = [_figure(s, lang) for s in sounds if all(_SOUND.fullmatch(str(s[k])) for k in _KINDS if k in s)]  # type: ignore[literal-required]
    return tag("div", *out, class_="played") if out else Html("")


def _figure(sound: SoundFact, lang: str) -> Html:
    zh = lang == "zh"
    names = dict(zip(_KINDS, ("合成", "录音") if zh else ("made", "recorded"), strict=True))
    title = sound["title"][1 if zh else 0]
    players = []
    for kind in (k for k in _KINDS if k in sound):
        player = tag("audio", src=sound[kind], controls="controls", preload="none", aria_label=f"{title} {names[kind]}")  # type: ignore[literal-required]
        players.append(tag("label", tag("span", names[kind]), player))
    return tag("figure", *players, tag("figcaption", title))
