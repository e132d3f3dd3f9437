"""Copies of folders of pictures without what files carry beside what they show.

JPEG and PNG lose their metadata without being encoded anew, other pictures are written again; DICOM files lose what the basic
profile of PS3.15 names. What is drawn into the pixels themselves is not looked for.
"""

from __future__ import annotations

import io
import shutil
import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.run import whole_folder
from modelwright.core.words import Words, counted
from modelwright.privacy.catalogue import TYPES, get_type
from modelwright.privacy.detect import find
from modelwright.privacy.media import DICOM_TAGS, private_in
from modelwright.privacy.policy import Policy
from modelwright.privacy.pseudonyms import Pseudonyms
from modelwright.privacy.replace import replaced

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".dcm"))
_PNG_KEPT = frozenset(
    (
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"bKGD",
        b"pHYs",
        b"acTL",
        b"fcTL",
        b"fdAT",
    )
)
_NAMING = ("person", "medical-record")  # types by which files of one patient stay together


@dataclass
class Cleaned:
    """What was made: files written, files passed over, what was found in how many of them, names changed."""

    out: Path
    files: int = 0
    skipped: int = 0
    renamed: int = 0
    found: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[Words]:
        """Say what was done."""
        out = [
            Words(f"{TYPES[t].counted(n).en} taken out of files", f"已从文件中移除 {TYPES[t].counted(n).zh}")
            for t, n in sorted(self.found.items())
        ]
        out.append(
            Words(f"{counted(self.files, 'file')} written to {self.out}", f"已写出 {self.files:,} 个文件：{self.out}")
        )
        if self.renamed:
            out.append(Words(f"{self.renamed:,} file names changed", f"已更改 {self.renamed:,} 个文件名"))
        if self.skipped:
            out.append(
                Words(
                    f"{self.skipped:,} files that are no pictures were not copied",
                    f"{self.skipped:,} 个非图片文件未复制",
                )
            )
        return out

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "out": str(self.out), "files": self.files, "skipped": self.skipped, "renamed": self.renamed, "found": dict(self.found),
        }  # fmt: skip


def check_folder(source: Path, out: Path, force: bool) -> None:
    """Refuse a folder to write to that lies inside the one read, or exists (unless `force`). Raises OptionError."""
    if out.resolve().is_relative_to(source.resolve()):
        raise OptionError(
            f"{out} lies inside {source}; name a folder elsewhere.", f"{out} 位于 {source} 之内；请另选文件夹。"
        )
    if out.exists() and not force:
        raise OptionError(
            f"{out} exists already. Name another folder, or replace it with --force.",
            f"{out} 已存在。请另选文件夹，或用 --force 覆盖。",
        )


def clean_folder(
    source: Path, out: Path, *, rules: Sequence[str] = (), pseudonyms: Pseudonyms | None = None, force: bool = False
) -> Cleaned:
    """Write a folder's pictures without personal data in names and metadata. Raises OptionError where `out` exists (unless `force`)."""
    check_folder(source, out, force)
    policy = Policy.parse(rules)
    makes = pseudonyms or Pseudonyms.fresh()
    done = Cleaned(out)
    with whole_folder(out) as part:
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            if path.suffix.lower() not in PICTURES:
                done.skipped += 1
                continue
            data = path.read_bytes()
            for kind in dict.fromkeys(k for k, _ in private_in(data)):
                done.found[kind] += 1
            place = part / _named(path.relative_to(source), policy, makes, done)
            place.parent.mkdir(parents=True, exist_ok=True)
            while place.exists():
                place = place.with_name(f"{place.stem}_{place.suffix}")
            place.write_bytes(cleaned(data, path, policy, makes))
            shutil.copymode(path, place)
            done.files += 1
    return done


def _named(path: Path, policy: Policy, pseudonyms: Pseudonyms, done: Cleaned) -> Path:
    """Return a path in which what is private in names of folders and files is replaced."""
    parts = []
    for i, name in enumerate(path.parts):
        stem, suffix = (Path(name).stem, Path(name).suffix) if i == len(path.parts) - 1 else (name, "")
        plain = stem.replace("_", " ")
        at, new = 0, ""
        for m in find(plain):
            action = policy.action(get_type(m.type), "file", "pseudonym" if get_type(m.type).direct else "keep")
            made = replaced(plain[m.start : m.end], m.type, action, pseudonyms)
            new += stem[at : m.start] + made.replace("<", "").replace(">", "")
            at = m.end
        new += stem[at:]
        done.renamed += new != stem
        parts.append((new or "file") + suffix)
    return Path(*parts)


def cleaned(data: bytes, path: Path, policy: Policy | None = None, pseudonyms: Pseudonyms | None = None) -> bytes:
    """Return a picture's bytes without metadata. Raises MissingExtra where its kind needs a library that is not there."""
    if data[128:132] == b"DICM":
        return _dicom(data, policy or Policy(), pseudonyms or Pseudonyms.fresh())
    if data[:2] == b"\xff\xd8":
        return _jpeg(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(data)
    return _again(data, path)


def _jpeg(data: bytes) -> bytes:
    """Return a JPEG without APP1 to APP15 (but the colour profile and Adobe's colour transform) and comments; turned pictures stay so."""
    out, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        mark = data[at + 1]
        if mark == 0xDA:  # the picture itself
            break
        size = 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        segment = data[at : at + size]
        if mark == 0xE1 and segment[4:8] == b"Exif":
            turned = _orientation(data)
            out += [_only_orientation(turned)] if turned > 1 else []
        elif (
            not (0xE1 <= mark <= 0xEF or mark == 0xFE)
            or (mark == 0xE2 and segment[4:15] == b"ICC_PROFILE")
            or mark == 0xEE
        ):
            out.append(segment)
        at += size
    return b"".join(out) + data[at:]


def _orientation(data: bytes) -> int:
    try:
        from PIL import Image

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(Image.open(io.BytesIO(data)).getexif().get(0x0112, 1))
    except Exception:  # of a damaged picture, Pillow raises what it likes; viewers show such a one as it stands
        return 1


def _only_orientation(turned: int) -> bytes:
    body = (
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
        + struct.pack(">HH", turned, 0)
        + b"\x00\x00\x00\x00"
    )
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _png(data: bytes) -> bytes:
    out, at = [data[:8]], 8
    while at + 12 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        if data[at + 4 : at + 8] in _PNG_KEPT:
            out.append(data[at : at + 12 + size])
        at += 12 + size
    return b"".join(out)


def _again(data: bytes, path: Path) -> bytes:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as e:
        raise MissingExtra("image", f"Writing {path}", f"写入 {path}") from e
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data))
            kind = picture.format
            plain = Image.frombytes(picture.mode, picture.size, picture.tobytes())
            if picture.getpalette() is not None:
                plain.putpalette(picture.getpalette() or [])
            held = io.BytesIO()
            plain.save(held, kind)
            return held.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as e:
        raise OptionError(
            f"{path} is not a complete picture ({type(e).__name__}); take it out of the folder.",
            f"{path} 不是完整的图片（{type(e).__name__}）；请移出该文件夹。",
        ) from e


def _dicom(data: bytes, policy: Policy, pseudonyms: Pseudonyms) -> bytes:
    """Return a DICOM file whose identifying attributes are gone; the patient's name and number become pseudonyms, so that studies join."""
    try:
        import pydicom
    except ImportError as e:
        raise MissingExtra("dicom", "Cleaning DICOM files", "清理 DICOM 文件") from e
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pydicom.dcmread(io.BytesIO(data))
        for name, kind in DICOM_TAGS.items():
            if name not in found:
                continue
            text = str(found.get(name) or "").strip()
            if name in ("PatientName", "PatientID") and text and kind in _NAMING:
                action = policy.action(get_type(kind), name, "pseudonym")
                setattr(found, name, replaced(text, kind, action if action != "drop" else "placeholder", pseudonyms))
            elif name == "PatientBirthDate" and len(text) == 8:
                found.PatientBirthDate = f"{text[:4]}0101"  # the year alone
            else:
                delattr(found, name)
        for inner in _inside(found):
            for name in DICOM_TAGS:
                if name in inner:
                    delattr(inner, name)
        found.remove_private_tags()
        found.PatientIdentityRemoved = "YES"
        held = io.BytesIO()
        found.save_as(held)
    return held.getvalue()


def _inside(dataset: Any) -> Iterator[Any]:
    """Yield the datasets within a dataset's sequences, at every depth."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield item
                yield from _inside(item)
