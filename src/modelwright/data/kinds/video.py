"""Video: clips in the usual containers, of which some frames are decoded by PyAV within bounds.

Legend: F frames taken, S side in pixels.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from modelwright.core.errors import MissingExtra
from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data._faults import FAULTS
from modelwright.data.kinds.base import Kind, Unreadable, looks_like, media, opened, seeded

# `.gif` stands in `kinds/image.py`; a column of GIFs that move is told to be video by `data/_gifs.py`
SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi"))
_MAGIC = (b"????ftyp", b"\x1aE\xdf\xa3", b"RIFF????AVI ")
# The container is told from the first bytes and no other is tried: demuxers such as playlists open further files.
_CONTAINERS = (
    (0, b"\x1aE\xdf\xa3", "matroska"), (8, b"AVI ", "avi"), (0, b"GIF8", "gif"),
    (4, b"ftyp", "mov"), (4, b"moov", "mov"), (4, b"mdat", "mov"), (4, b"wide", "mov"), (4, b"free", "mov"),
)  # fmt: skip
_MOST_PIXELS = 40_000_000  # of one frame
_MOST_PACKETS = 2_000_000
_IN_ORDER = 600  # frames up to which a clip is decoded from first to last; longer ones are read around places
_AROUND = 300  # frames decoded at most from the key frame before a place on
_WHOLE = 0.85  # share of what the header promises that a whole file holds; the last frames' length is a guess


class Facts(NamedTuple):
    """What a clip is: size in pixels, frames, and seconds (0 where unknown)."""

    width: int
    height: int
    frames: int
    seconds: float


def decode(cell: Mapping[str, Any], frames: int, side: int, edge: int = 0) -> np.ndarray:
    """Return F frames of a media cell, evenly spread over the clip: uint8 [F, S, S, 3], squeezed to the side, upright.

    With `edge` the shorter side is brought to it and the middle S x S cut out, so that shapes stay as they are.
    A clip of fewer frames repeats them. Of a clip of more than 600 frames each place is looked up from the key frame
    before it. Raises Unreadable for what is not a complete clip, has no picture, or frames of more than 40 million pixels.
    """
    with _clip(cell) as (container, stream):
        times = _times(container, stream)
        # the middles of F equal parts
        places = ((np.arange(frames) + 0.5) * len(times) / frames).astype(np.int64)
        pick = _in_order if len(times) <= _IN_ORDER else _around
        found = pick(container, stream, times, places, (side, edge))
    if not found:
        raise _pictureless()
    have = np.array(sorted(found))
    nearest = have[np.abs(have[None] - places[:, None]).argmin(axis=1)]
    return np.stack([found[int(i)] for i in nearest])


def facts(cell: Mapping[str, Any]) -> Facts:
    """Return size, frames and seconds of a clip, from its packets: nothing is decoded. Raises Unreadable."""
    with _clip(cell) as (container, stream):
        width, height = stream.codec_context.width, stream.codec_context.height
        times = _times(container, stream)
        span = float((times[-1] - times[0]) * (stream.time_base or Fraction(0)))
        return Facts(width, height, len(times), span)


def each_frame(cell: Mapping[str, Any], every: int = 1) -> Iterator[tuple[int, float, np.ndarray]]:
    """Yield every so many frames of a clip as number, second and pixels uint8 [H, W, 3], upright, one at a time.

    Raises Unreadable as `decode` does; what is damaged further on ends the frames there.
    """
    with _clip(cell) as (container, stream):
        base = float(stream.time_base or 0)
        for number, frame in enumerate(container.decode(stream)):
            if number % every:
                continue
            _check_size(frame.width, frame.height)
            turns = round(int(getattr(frame, "rotation", 0) or 0) / 90) % 4
            shown = np.rot90(frame.to_ndarray(format="rgb24"), turns)
            yield number, float((frame.pts or 0) * base), np.ascontiguousarray(shown)


@contextmanager
def _clip(cell: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Open a cell as PyAV's container and its first video stream; what goes wrong inside is Unreadable."""
    try:
        import av
    except ImportError as e:
        raise MissingExtra("video", "Reading video", "读取视频") from e
    faults: tuple[type[Exception], ...] = (*FAULTS, av.FFmpegError)
    with opened(cell) as (file, size):
        head = file.read(16)
        file.seek(0)
        name = next((n for at, mark, n in _CONTAINERS if head[at : at + len(mark)] == mark), None)
        try:
            if size == 0:
                raise Unreadable("the file is empty (0 bytes)", "文件为空（0 字节）")
            if name is None:
                raise Unreadable(
                    f"no clip in a known container ({size} bytes); save it as MP4, WebM, MKV, MOV or AVI",
                    f"不是已知的视频格式（{size} 字节）；请存为 MP4、WebM、MKV、MOV 或 AVI",
                )
            if name == "gif":
                _check_gif(file, size)
            with av.open(file, format=name) as container:
                if not container.streams.video:
                    raise _pictureless()
                stream = container.streams.video[0]
                codec = stream.codec_context
                if codec is None:
                    raise Unreadable("the clip's codec is not known", "无法识别视频的编码")
                _check_size(codec.width, codec.height)
                codec.options = {"max_pixels": str(_MOST_PIXELS)}
                codec.thread_count = 1  # clips are read side by side
                yield container, stream
        except Unreadable:
            raise
        except MemoryError:
            raise Unreadable("the clip's frames are too large", "视频画面过大") from None
        except faults as e:
            raise Unreadable(
                f"not a complete clip ({type(e).__name__}, {size} bytes); save it again as MP4 or WebM",
                f"不是完整的视频（{type(e).__name__}，{size} 字节）；请重新存为 MP4 或 WebM",
            ) from None


def _check_gif(file: BinaryIO, size: int) -> None:
    """Look for the mark that ends a GIF: its frames are not counted beforehand, so a cut one shows by this alone."""
    file.seek(max(0, size - 16))
    if not file.read(16).rstrip(b"\0").endswith(b";"):
        raise Unreadable("the GIF is cut short; copy it again", "GIF 文件不完整；请重新复制")
    file.seek(0)


def _pictureless() -> Unreadable:
    return Unreadable("the file holds no moving picture", "文件中没有视频画面")


def _check_size(width: int, height: int) -> None:
    if width * height > _MOST_PIXELS:
        raise Unreadable(
            f"the clip claims frames of {width} x {height} pixels; at most {_MOST_PIXELS // 1_000_000} million are read",
            f"视频声称每帧 {width} x {height} 像素；最多读取 {_MOST_PIXELS // 10_000:,} 万像素",
        )


def _times(container: Any, stream: Any) -> np.ndarray:
    """Return the frames' times in the stream's unit, ascending, from its packets; and compare with the header."""
    times: list[int] = []
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        time = packet.pts if packet.pts is not None else packet.dts
        times.append(int(time) if time is not None else len(times))
        if len(times) > _MOST_PACKETS:
            raise Unreadable("the clip has more than two million frames", "视频超过两百万帧")
    if not times:
        raise _pictureless()
    found = np.unique(np.array(times, np.int64))
    promised = int(stream.frames or 0)
    alone = len(container.streams) == 1 and container.duration and stream.time_base
    if not promised and alone:
        step = float(np.median(np.diff(found))) * float(stream.time_base) if len(found) > 2 else 0.0
        rate = 1 / step if step else float(stream.average_rate or 0)
        promised = round(container.duration / 1e6 * rate)
    if promised and len(times) < _WHOLE * promised and promised - len(times) > 2:
        raise Unreadable(
            f"the clip is cut short: {len(times)} of {promised} frames; copy it again",
            f"视频不完整：{promised} 帧中只有 {len(times)} 帧；请重新复制",
        )
    container.seek(int(found[0]), stream=stream, backward=True)
    return found


def _in_order(
    container: Any, stream: Any, times: np.ndarray, places: np.ndarray, size: tuple[int, int]
) -> dict[int, np.ndarray]:
    wanted = set(places.tolist())
    out: dict[int, np.ndarray] = {}
    for i, frame in enumerate(container.decode(stream)):
        if i in wanted or i == 0:
            out[i] = _pixels(frame, *size)
        if i >= len(times) or len(out) == len(wanted | {0}):
            break
    # a clip that decodes to fewer frames than it has packets lost its end
    last = max(out, default=0)
    if last < _WHOLE * max(wanted) and max(wanted) - last > 2:
        raise Unreadable(
            f"the clip is damaged: only about {last} of {len(times)} frames can be decoded; copy it again",
            f"视频已损坏：{len(times)} 帧中只有约 {last} 帧可解码；请重新复制",
        )
    if len(wanted) > 1 and 0 not in wanted and len(out) > 1:
        out.pop(0)
    return out


def _around(
    container: Any, stream: Any, times: np.ndarray, places: np.ndarray, size: tuple[int, int]
) -> dict[int, np.ndarray]:
    out: dict[int, np.ndarray] = {}
    for place in np.unique(places).tolist():
        container.seek(int(times[place]), stream=stream, backward=True)
        for count, frame in enumerate(container.decode(stream)):
            if frame.pts is None or frame.pts >= times[place] or count >= _AROUND:
                out[place] = _pixels(frame, *size)
                break
    return out


def _pixels(frame: Any, side: int, edge: int = 0) -> np.ndarray:
    _check_size(frame.width, frame.height)
    width = height = side
    if edge:
        scale = max(edge, side) / min(frame.width, frame.height)
        # a clip as thin as a thread would become a picture without end
        width, height = (min(40 * side, max(side, round(n * scale))) for n in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    top, left = (height - side) // 2, (width - side) // 2
    small = small[top : top + side, left : left + side]
    turns = round(int(getattr(frame, "rotation", 0) or 0) / 90) % 4  # phones store the turn beside the pixels
    return np.ascontiguousarray(np.rot90(small, turns))


class VideoKind(Kind):
    """Paths, bytes and data URLs of clips."""

    modality = "video"
    title = Words("video", "视频")
    slow = True
    suffixes = SUFFIXES

    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        return {} if looks_like(values, SUFFIXES, "video", _MAGIC) else None

    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        cell = media(value, folder)
        if cell is not None:
            decode(cell, 4, 32)  # looked through once, so that a damaged file is named here
        return cell

    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        rng = seeded(states, seed)
        out = []
        for state in states:
            shade = rng.integers(0, 40)
            clip = np.full((9, 48, 64, 3), shade, np.uint8)
            for t in range(len(clip)):
                left = 4 + 5 * t if rng.random() < 0.8 else 4
                clip[t, 4 + 14 * state : 16 + 14 * state, left : left + 14, state] = 230
            out.append(written(clip))
        return out


def written(clip: np.ndarray, rate: int = 8, container: str = "mp4", codec: str = "mpeg4") -> bytes:
    """Return a clip, uint8 [F, H, W, 3] at `rate` frames a second, as the bytes of a file."""
    try:
        import av
    except ImportError as e:
        raise MissingExtra("video", "Writing video", "写出视频") from e
    held = io.BytesIO()
    with av.open(held, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate)
        stream.height, stream.width = clip.shape[1:3]
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        stream.codec_context.thread_count = 1
        for pixels in clip:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        file.mux(stream.encode())
    return held.getvalue()


KIND = VideoKind
