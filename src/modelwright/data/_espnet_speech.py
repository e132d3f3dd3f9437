"""ESPnet's `data.json`: utterances by name, each with what is heard and what is said.

Format: github.com/espnet/espnet, doc/tutorial.md ("data.json").
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError
from modelwright.data._label_studio_speech import Row
from modelwright.data.cues import text_of
from modelwright.data.kinds.audio import SUFFIXES


def utterances(path: Path) -> Iterator[Row] | None:
    """Return the rows of a `data.json`; None for other JSON. Raises DataError for an utterance that names no recording."""
    try:
        found = json.loads(text_of(path))
    except (ValueError, RecursionError):
        return None
    utts = found.get("utts") if isinstance(found, dict) else None
    if not (isinstance(utts, dict) and utts and all(isinstance(u, dict) for u in utts.values())):
        return None
    return _rows(utts, path)


def _rows(utts: Mapping[str, Mapping[str, Any]], path: Path) -> Iterator[Row]:
    for name, utt in utts.items():
        given = _first(utt.get("input"), "feat")
        if given is None or Path(given).suffix.lower() not in SUFFIXES:
            raise DataError(
                f"{path}, utterance `{name[:60]}`: expected a recording (WAV, FLAC, MP3, OGG), received `{(given or '')[:60]}`; "
                "features cannot be read: give the folder that they were made of, with wav.scp and text.",
                f"{path}，语句 `{name[:60]}`：应为录音（WAV、FLAC、MP3、OGG），收到的是 `{(given or '')[:60]}`；"
                "无法读取特征：请给出生成它们的文件夹，其中有 wav.scp 和 text。",
            )
        place = path.parent / given
        if not place.is_file():
            raise DataError(
                f"{path}, utterance `{name[:60]}`: there is no recording {given}.",
                f"{path}，语句 `{name[:60]}`：找不到录音 {given}。",
            )
        speaker = utt.get("utt2spk")
        yield str(place.resolve()), _first(utt.get("output"), "text"), str(speaker) if speaker else None


def _first(streams: Any, key: str) -> str | None:
    """Return the text of the first of several inputs or outputs that has one."""
    for one in streams if isinstance(streams, list) else ():
        if isinstance(one, dict) and isinstance(one.get(key), str):
            return str(one[key])
    return None
