"""Clips: parts are stretches of time, in which every frame is its mean colour; shown as a strip of frames."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.data.kinds.base import Unreadable, content, media
from modelwright.evaluate.explain.lenses.base import Lens, Parts, data_url, edges

_FRAMES, _STRIP, _SIDE = 32, 6, 128
_STRETCHES = 8
_MOST_READ = 3000  # frames of a clip that are decoded


def seen(cell: Any, count: int) -> list[np.ndarray]:
    """Return `count` frames spread evenly over a clip, uint8 [128, 128, 3] each. Raises Unreadable."""
    try:
        import av
    except ImportError as e:
        raise MissingExtra("video", "Reading video", "读取视频") from e
    try:
        with av.open(io.BytesIO(content(cell)), "r") as clip:
            total = clip.streams.video[0].frames or 0
            step = max(1, total // (4 * count))  # far more than are kept need not be scaled
            frames = []
            for i, frame in enumerate(clip.decode(video=0)):
                if i >= _MOST_READ:
                    break
                if i % step == 0:
                    frames.append(frame.reformat(_SIDE, _SIDE, "rgb24").to_ndarray())
    except (av.FFmpegError, IndexError, ValueError, OSError) as e:
        raise Unreadable(
            f"no video that can be read ({type(e).__name__})", f"无法读取的视频（{type(e).__name__}）"
        ) from None
    if not frames:
        raise Unreadable("the video holds no frames", "视频中没有画面")
    return [frames[int(i)] for i in np.linspace(0, len(frames) - 1, count).round()]


def as_cell(frames: list[np.ndarray]) -> Any:
    """Return frames uint8 [H, W, 3] as a media cell: FFV1, without loss, eight a second."""
    import av

    held = io.BytesIO()
    with av.open(held, "w", format="matroska") as clip:
        stream = clip.add_stream("ffv1", rate=8)
        stream.width, stream.height, stream.pix_fmt = _SIDE, _SIDE, "bgr0"
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")):
                clip.mux(packet)
        for packet in stream.encode():
            clip.mux(packet)
    return media(held.getvalue(), None)


class VideoLens(Lens):
    """Stretches of time."""

    modality = "video"

    def picture(self, cell: Any, side: int, found: Sequence[Mapping[str, Any]] = ()) -> str | None:
        from PIL import Image

        small = max(16, side // _STRIP)
        strip = [np.asarray(Image.fromarray(f).resize((small, small))) for f in seen(cell, _STRIP)]
        return data_url(np.concatenate(strip, axis=1), "JPEG")

    def parts(self, cell: Any, most: int) -> Parts | None:
        if most < 2:
            return None
        frames = seen(cell, _FRAMES)
        ends = edges(_FRAMES, min(_STRETCHES, most))

        def without(part: int) -> Any:
            inside = range(ends[part], ends[part + 1])
            plain = [np.broadcast_to(f.mean((0, 1)).astype(np.uint8), f.shape) if i in inside else f for i, f in enumerate(frames)]  # fmt: skip
            return as_cell([np.ascontiguousarray(f) for f in plain])

        return Parts(as_cell(frames), len(ends) - 1, without, 1, len(ends) - 1)


LENS = VideoLens
