"""Checking a bundle before anything in it is loaded: the manifest, the kind of every file, its SHA-256.

A bundle comes from elsewhere. Nothing is opened that is no ordinary file: a pipe would be waited for, a link would lead out.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.errors import BundleError, ModelwrightError
from modelwright.core.run import read_json

FORMAT = 2  # 2: a bundle with thresholds by group, or prices of errors; others are still written as 1
_SUFFIXES = {".json", ".safetensors", ".txt", ".md", ".onnx"}
_MOST_FILES = 20_000
_MOST_MANIFEST = 16 << 20  # bytes
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # of safetensors; NumPy knows no bfloat16
_PART = 8 << 20  # bytes read at a time
_DIGEST = re.compile(r"[0-9a-f]{64}")


def verify(folder: Path) -> None:
    """Check a bundle against its manifest.

    Raises BundleError for a changed, missing or unknown file, a link, a pipe or device, a kind of file that could hold
    code, a manifest of another shape, or a format from the future.
    """
    listed = _files_of_manifest(folder)
    found = dict(_files(folder))
    found.pop("manifest.json", None)
    for name in listed:
        if name not in found:
            raise BundleError(
                f"The bundle misses the file {_short(name)}. Copy it again.",
                f"模型包缺少文件 {_short(name)}，请重新复制。",
            )
    for name, mode in found.items():
        if name not in listed or not stat.S_ISREG(mode) or Path(name).suffix not in _SUFFIXES:
            raise BundleError(
                f"The bundle holds {_short(name)}, which its manifest does not allow. Remove it or copy the bundle again.",
                f"模型包中的 {_short(name)} 不在清单允许之列。请删除它或重新复制模型包。",
            )
        if sha256_of(folder / name) != listed[name]:
            raise BundleError(
                f"The file {_short(name)} of the bundle was changed after it was written. Copy the bundle again.",
                f"模型包中的文件 {_short(name)} 与清单不符。请重新复制模型包。",
            )


def _files_of_manifest(folder: Path) -> dict[str, str]:
    """Return the files that the manifest lists, with their SHA-256."""
    place = folder / "manifest.json"
    mode = _mode(place)
    if mode is not None and not stat.S_ISREG(mode):
        raise BundleError(
            f"{place} is no ordinary file. Copy the bundle again.", f"{place} 不是普通文件。请重新复制模型包。"
        )
    if mode is not None and place.stat().st_size > _MOST_MANIFEST:
        raise BundleError(f"{place} is larger than any manifest.", f"{place} 过大，不是有效的清单文件。")
    manifest = read_json(place)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    form = manifest.get("format", 0) if isinstance(manifest, dict) else 0
    files = files if isinstance(files, dict) else {}
    good = 0 < len(files) <= _MOST_FILES and type(form) is int
    if not good or not all(isinstance(d, str) and _DIGEST.fullmatch(d) for d in files.values()):
        raise BundleError(f"{folder} holds no bundle manifest.", f"{folder} 中没有有效的清单文件。")
    if form > FORMAT:
        raise BundleError(
            f"The bundle in {folder} has format {form}, this version reads up to {FORMAT}. Upgrade Modelwright.",
            f"{folder} 的模型包格式为 {form}，当前版本最高支持 {FORMAT}。请升级 Modelwright。",
        )
    return dict(files)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield name and mode of everything in a bundle but folders; links are not followed."""
    for count, path in enumerate(folder.rglob("*")):
        mode = _mode(path)
        if count > 2 * _MOST_FILES:
            raise BundleError(f"{folder} holds too many files.", f"{folder} 中文件过多。")
        if mode is not None and not stat.S_ISDIR(mode):
            yield path.relative_to(folder).as_posix(), mode


def _mode(path: Path) -> int | None:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits. Raises BundleError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as f:
            while block := f.read(1 << 20):
                digest.update(block)
    except OSError as e:
        raise BundleError(f"Cannot read {path}: {e.strerror}.", f"无法读取 {path}：{e.strerror}。") from e
    return digest.hexdigest()


def refuse_nan(folder: Path) -> None:
    """Refuse arrays of a bundle that hold NaN: a model with one answers NaN, or anything. Raises BundleError."""
    for path in sorted(folder.rglob("*.safetensors")):
        name = path.relative_to(folder).as_posix()
        try:
            damaged = _first_nan(path)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
            raise BundleError(
                f"{_short(name)} of the bundle is no safetensors file. Copy the bundle again.",
                f"模型包中的 {_short(name)} 不是有效的 safetensors 文件。请重新复制模型包。",
            ) from e
        if damaged is not None:
            raise BundleError(
                f"The array `{_short(damaged)}` in {_short(name)} of the bundle holds NaN, so its answers would mean nothing.",
                f"模型包的 {_short(name)} 中数组 `{_short(damaged)}` 含有 NaN，其结果没有意义。",
            )


def _first_nan(path: Path) -> str | None:
    """Return the first array of floats in a safetensors file that holds NaN, read in parts; None where none does."""
    size = path.stat().st_size
    with path.open("rb") as f:
        length = int.from_bytes(f.read(8), "little")
        if length > size - 8:
            raise ValueError("header")
        header = json.loads(f.read(length))
        for name, entry in header.items():
            kind = _FLOATS.get(entry.get("dtype")) if name != "__metadata__" else None
            if kind is None:
                continue
            start, end = entry["data_offsets"]
            if not 0 <= start <= end <= size - 8 - length:
                raise ValueError("offsets")
            f.seek(8 + length + start)
            for at in range(start, end, _PART):
                part = np.frombuffer(f.read(min(_PART, end - at)), kind)
                # bfloat16 is the upper half of float32: exponent all ones, and any bit after it
                if bool(((part & 0x7FFF) > 0x7F80).any() if kind == "<u2" else np.isnan(part).any()):
                    return str(name)
    return None


def number(data: Mapping[str, Any], name: str, *, least: float = 0.0, above: bool = False) -> float:
    """Return a number of `bundle.json`. Raises ValueError for one that is none, not finite, or below what it may be."""
    value = data[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is no finite number")
    if value < least or (above and value == least):
        raise ValueError(f"{name} is {value}")
    return float(value)


def _short(name: str) -> str:
    return name if len(name) <= 120 else name[:120] + "..."


@contextlib.contextmanager
def one_answer(en: str, zh: str) -> Iterator[None]:
    """Answer whatever a loader or a model meets in a file from elsewhere as one BundleError that says so and why."""
    try:
        yield
    except (ModelwrightError, MemoryError):
        raise
    except Exception as e:
        said = " ".join(str(e).split())[:120]
        why = f"{type(e).__name__}: {said}" if said else type(e).__name__
        raise BundleError(f"{en} ({why}). Copy the bundle again.", f"{zh}（{why}）。请重新复制模型包。") from e
