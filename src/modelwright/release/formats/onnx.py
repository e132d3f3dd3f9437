"""`--to onnx`: one file per member, and the codecs that turn rows into tensors; see release/export.py."""

from __future__ import annotations

from pathlib import Path

from modelwright.release.export import fill_onnx
from modelwright.release.formats.base import Packed


def write(packed: Packed, folder: Path) -> None:
    """Fill a folder. Raises ModelwrightError where a member cannot be exported or answers otherwise, MissingExtra."""
    fill_onnx(packed.predictor, folder, packed.folder_name)
