"""A clip through a detector: its frames' boxes, followed from one to the next, written as a table or given one by one."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from modelwright.core.errors import DataError, OptionError
from modelwright.core.words import Words
from modelwright.data.kinds.base import Unreadable, media
from modelwright.data.kinds.video import each_frame
from modelwright.release.bundle import Predictor
from modelwright.release.tracking import follow

COLUMNS = ("frame", "second", "track", "label", "left", "top", "right", "bottom", "score")


def detector_of(predictor: Predictor) -> Any:
    """Return the member that finds boxes. Raises OptionError where there is none."""
    found = [m for _, m in predictor.members if hasattr(m, "of_pixels")]
    if not found:
        raise OptionError(
            f"`{predictor.name}` finds no boxes: tracking needs a detector trained with --task object-detection.",
            f"`{predictor.name}` 不检测目标：跟踪需要用 --task object-detection 训练的检测模型。",
        )
    return found[0]


def tracked(
    predictor: Predictor, cell: Mapping[str, Any], every: int = 1, most: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the frames of a media cell with what is followed in them, see `follow`; `most` frames at most. Raises Unreadable."""
    detector = detector_of(predictor)

    def found() -> Iterator[tuple[int, float, list[dict[str, Any]]]]:
        for count, (number, second, pixels) in enumerate(each_frame(cell, every)):
            if most is not None and count >= most:
                return
            yield number, second, detector.boxes_in(pixels)

    yield from follow(found(), lost=15 * every)


def track_file(
    predictor: Predictor,
    video: Path,
    out: Path | None,
    every: int = 1,
    say: Callable[[Words], None] = lambda words: None,
) -> dict[str, Any]:
    """Follow what is in a clip and write a row for each box of each frame as CSV; return counts by label and frames.

    Nothing is left of a file that could not be finished. Raises DataError for what is no clip.
    """
    detector_of(predictor)
    try:
        cell = media(str(video.resolve()), video.resolve().parent)
        if cell is None:
            raise DataError(f"There is no file {video}.", f"找不到文件 {video}。")
        if out is None:
            return _written(predictor, cell, every, None, say) | {"file": None}
        with tempfile.TemporaryDirectory(dir=out.parent) as fresh:
            part = Path(fresh) / "tracks.csv"
            with part.open("w", newline="", encoding="utf-8") as f:
                told = _written(predictor, cell, every, f, say)
            os.replace(part, out)
            return told | {"file": str(out)}
    except Unreadable as e:
        raise DataError(f"{video}: {e.words.en}.", f"{video}：{e.words.zh}。") from None


def _written(
    predictor: Predictor, cell: Mapping[str, Any], every: int, file: TextIO | None, say: Callable[[Words], None]
) -> dict[str, Any]:
    writer = csv.writer(file) if file else None
    if writer:
        writer.writerow(COLUMNS)
    frames, most, counts = 0, dict[str, int](), dict[str, int]()
    for told in tracked(predictor, cell, every):
        frames, counts = frames + 1, told["so_far"]
        for label, n in told["now"].items():
            most[label] = max(n, most.get(label, 0))
        if writer:
            writer.writerows(
                [told["frame"], told["second"], b["track"], b["label"], *b["box"], b["score"]] for b in told["boxes"]
            )
        if frames % 100 == 0:
            say(Words(f"{frames} frames", f"{frames} 帧"))
    return {"frames": frames, "things": counts, "most_at_once": most}
