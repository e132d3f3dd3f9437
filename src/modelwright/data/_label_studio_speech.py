"""Label Studio's exports of transcribed recordings: JSON, and JSON-MIN, in which each task is one object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError
from modelwright.data import label_studio
from modelwright.data.cues import text_of
from modelwright.data.kinds.audio import SUFFIXES, name_part

Row = tuple[str, str | None, str | None]  # recording, text, speaker
_SPEAKERS = ("speaker", "speaker_id", "client_id")
_TEXTS = ("transcription", "transcript", "text", "sentence")
_OF_EXPORT = frozenset("id annotator annotation_id created_at updated_at lead_time".split())


def annotated(path: Path) -> Iterator[Row] | None:
    """Return the rows of an export; None for other JSON. Raises DataError for a task that cannot be read."""
    try:
        tasks = json.loads(text_of(path))
    except (ValueError, RecursionError):
        return None
    if not (isinstance(tasks, list) and tasks and all(isinstance(t, dict) for t in tasks)):
        return None
    if label_studio.are_tasks(tasks) and all("annotations" in t for t in tasks):
        return _tasks(tasks, path)
    if all("annotation_id" in t and _recording(t) is not None for t in tasks):
        return _flat(tasks, path)
    return None


def _tasks(tasks: Sequence[Mapping[str, Any]], path: Path) -> Iterator[Row]:
    for number, task in enumerate(tasks, 1):
        where = f"{path}, task {number}", f"{path} 第 {number} 个任务"
        given = _recording(task["data"])
        if given is None:
            raise DataError(f"{where[0]}: its data names no recording.", f"{where[1]}：数据中没有录音。")
        place = _place(given, path, where)
        yield from _regions(place, label_studio.results(task["annotations"]) or [], _speaker(task["data"]), where)


def _flat(tasks: Sequence[Mapping[str, Any]], path: Path) -> Iterator[Row]:
    """JSON-MIN: regions in one list, their texts in another one, in the same order."""
    for number, task in enumerate(tasks, 1):
        where = f"{path}, task {number}", f"{path} 第 {number} 个任务"
        place = _place(_recording(task) or "", path, where)
        own = {k: v for k, v in task.items() if k not in _OF_EXPORT and _recording({k: v}) is None}
        regions: list[Any] = next((v for v in own.values() if _are_regions(v)), [])
        named = [k for k in (*_TEXTS, *own) if _is_text(own.get(k))]
        said = own[named[0]] if named else []
        texts = [said] if isinstance(said, str) else list(said)
        if len(regions) not in (0, len(texts)) and texts:
            raise DataError(
                f"{where[0]}: {len(regions)} regions and {len(texts)} texts, so that it is not known which belongs to which; export it as JSON.",
                f"{where[1]}：有 {len(regions)} 个区间、{len(texts)} 条文本，无法对应；请以 JSON 格式导出。",
            )
        speaker = _speaker(task)
        if not regions:
            yield place, " ".join(texts) or None, speaker
            continue
        for region, text in zip(regions, texts or [None] * len(regions), strict=True):
            labels = region.get("labels") or [None]
            yield _part(place, region["start"], region["end"], where), text, speaker or labels[0]


def _regions(place: str, results: Sequence[Any], speaker: str | None, where: tuple[str, str]) -> Iterator[Row]:
    """Yield the texts of one annotation, each with its region; regions without a text are passed over."""
    labels: dict[str, str] = {}
    texts: list[tuple[str, float | None, float | None, str]] = []
    for r in results:
        value = r.get("value", {})
        if isinstance(value.get("labels"), list) and value["labels"]:
            labels[str(r.get("id"))] = str(value["labels"][0])
        if isinstance(value.get("text"), (list, str)):
            said = value["text"] if isinstance(value["text"], str) else " ".join(map(str, value["text"]))
            texts.append((said, value.get("start"), value.get("end"), str(r.get("id"))))
    if not texts:
        yield place, None, speaker
    for said, start, end, name in texts:
        part = place if start is None or end is None else _part(place, start, end, where)
        yield part, said, speaker or labels.get(name)


def _part(place: str, start: float, end: float, where: tuple[str, str]) -> str:
    if not 0 <= start < end:
        raise DataError(
            f"{where[0]}: a region begins at {start:g} s and ends at {end:g} s; correct its times.",
            f"{where[1]}：有区间从 {start:g} 秒开始、到 {end:g} 秒结束；请更正时间。",
        )
    return name_part(place, start, end)


def _place(given: str, path: Path, where: tuple[str, str]) -> str:
    place = label_studio.beside(given, path)
    if place is None:
        named = label_studio.file_of(given)
        raise DataError(
            f"{where[0]}: there is no recording {named.name} beside the export.",
            f"{where[1]}：导出文件旁没有录音 {named.name}。",
        )
    return str(place.resolve())


def _recording(data: Mapping[str, Any]) -> str | None:
    return next(
        (v for v in data.values() if isinstance(v, str) and label_studio.file_of(v).suffix.lower() in SUFFIXES), None
    )


def _speaker(data: Mapping[str, Any]) -> str | None:
    return next((str(v) for k, v in data.items() if k.lower() in _SPEAKERS), None)


def _are_regions(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(v, dict) and {"start", "end"} <= set(v) for v in value)
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
    )
