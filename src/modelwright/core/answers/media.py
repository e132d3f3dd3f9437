"""Answers that are files: pictures, sound, clips. Bytes with a type, as JSON: `{"type": "image/png", "data": base64}`.

Truth stays where it is, a cell of `core.schema.MEDIA` that is opened when it is looked at. A model that judges itself gives the figures
of each row, `{"figures": {name: number}}`, and lets what it made go, so that no split of pictures is ever held in memory.

Legend: N rows.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.encrypted_files import open_plain

SUFFIXES = {
    "image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif",
    "audio/wav": ".wav", "audio/flac": ".flac", "audio/mpeg": ".mp3", "video/mp4": ".mp4",
}  # fmt: skip
_MAGIC = (
    (b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"RIFF", "audio/wav"), (b"fLaC", "audio/flac"),
)  # fmt: skip


class File(BaseModel):
    """A file as an answer: its type, and its bytes in base64."""

    type: str
    data: str


def file_json(kind: str, data: bytes) -> dict[str, str]:
    """Return a file as the answer that it is."""
    return {"type": kind, "data": base64.b64encode(data).decode("ascii")}


def file_bytes(answer: Any) -> bytes | None:
    """Return the bytes of an answer that is a file; None for anything else."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("data"), str):
        return None
    return base64.b64decode(answer["data"])


def cell_bytes(cell: Mapping[str, Any]) -> bytes:
    """Return the bytes of a media cell. Raises OSError where its file has gone."""
    if cell.get("bytes") is not None:
        return bytes(cell["bytes"])
    with open_plain(Path(cell["path"])) as f:
        return f.read()


def type_of(data: bytes, other: str) -> str:
    """Return the type that the first bytes of a file tell; `other` where they tell none."""
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), other)


class MediaCodec(ObjectsCodec):
    """Answers that are files of one type, made by a task.

    Truth [N] are the cells as Arrow's scalars, which hold no bytes until they are asked for them. Scores [N, 1] are files, figures of
    rows that were judged, or None where a row has no input.
    """

    kind = "media"
    media = True
    rows_at_once = 8

    def __init__(self, task: str, type: str) -> None:
        super().__init__(task)
        self.type = type

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects([v if v.is_valid else None for v in values])

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        """Return the scores [N, 1] of a model that gives each row the very file that is wanted."""
        wanted = [cell_bytes(t.as_py()) for t in truth]
        return as_objects([file_json(type_of(data, self.type), data) for data in wanted])[:, None]

    def alike(self, wanted: np.ndarray, got: np.ndarray) -> bool:
        """Return whether two models' files [N, 1] are the same; of pictures, whether no value is more than 1 of 255 apart."""
        return len(wanted) == len(got) and all(map(_same_file, wanted[:, 0], got[:, 0]))

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        """Return the files of scores [N, 1]; None for a row of which only figures are left."""
        made = [{k: s[k] for k in ("type", "data")} if s and "data" in s else None for s in scores[:, 0]]
        return Answers(made, None)

    def chosen(self, answers: Any, scores: np.ndarray) -> np.ndarray:
        return as_objects([None] * len(answers.predictions))

    def gist(self, answer: Any) -> Any:
        """Return a digest of a file, by which two are the same."""
        data = file_bytes(answer)
        return answer if data is None else hashlib.blake2b(data, digest_size=16).hexdigest()

    def answer_fields(self) -> dict[str, Any]:
        return {"prediction": (File | None, ...)}

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return where the files were written: the writer has put paths in their place."""
        return pa.array([p if isinstance(p, str) else None for p in predictions], pa.string())

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "task": self.task, "type": self.type}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> TargetCodec:
        return cls(str(state["task"]), str(state["type"]))


def _same_file(wanted: Any, got: Any) -> bool:
    a, b = file_bytes(wanted), file_bytes(got)
    if a == b or a is None or b is None:
        return a == b
    if not wanted["type"] == got["type"] == "image/png":
        return False
    from PIL import Image

    first, second = (np.asarray(Image.open(io.BytesIO(data)), np.int64) for data in (a, b))
    return first.shape == second.shape and int(np.abs(first - second).max(initial=0)) <= 1


CODEC = MediaCodec
