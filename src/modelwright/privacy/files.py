"""Copies of folders of pictures without what files carry beside what they show.

JPEG, PNG, WebP and GIF lose their metadata without being encoded anew, other pictures are written again; DICOM files lose what the basic
profile of PS3.15 names. What is drawn into the pixels themselves is not looked for.
"""

from __future__ import annotations

import io
import re
import shutil
import struct
import warnings
import zlib
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
_WEBP_KEPT = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP")
_END, _MARK = 0xD9, re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # of a JPEG
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
            place = part / _with_clean_names(path.relative_to(source), policy, makes, done)
            place.parent.mkdir(parents=True, exist_ok=True)
            while place.exists():
                place = place.with_name(f"{place.stem}_{place.suffix}")
            place.write_bytes(cleaned(data, path, policy, makes))
            shutil.copymode(path, place)
            done.files += 1
    return done


def _with_clean_names(path: Path, policy: Policy, pseudonyms: Pseudonyms, done: Cleaned) -> Path:
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
    for head, way in ((b"\xff\xd8", _jpeg), (b"\x89PNG\r\n\x1a\n", _png), (b"RIFF", _webp), (b"GIF8", _gif)):
        if data.startswith(head):
            try:
                return way(data)
            except (IndexError, struct.error) as e:
                raise _incomplete(path, e) from e
    return _again(data, path)


def _jpeg(data: bytes) -> bytes:
    """Return a JPEG without APP1 to APP15 (but the colour profile and Adobe's colour transform), comments and what follows its end,
    such as a film or a second picture; turned pictures stay so."""
    out, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _END:
        mark = data[at + 1]
        size = 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        if mark == 0xDA:  # the picture itself, up to the next mark
            found = _MARK.search(data, at + size)
            size = (found.start() if found else len(data)) - at
        segment = data[at : at + size]
        if mark == 0xE1 and segment[4:8] == b"Exif":
            turned = _only_orientation(data)
            out += [b"\xff\xe1" + struct.pack(">H", len(turned) + 8) + b"Exif\x00\x00" + turned] if turned else []
        elif (
            not (0xE1 <= mark <= 0xEF or mark == 0xFE)
            or (mark == 0xE2 and segment[4:15] == b"ICC_PROFILE")
            or mark == 0xEE
        ):
            out.append(segment)
        at += size
    return b"".join(out) + data[at : at + 2]


def _orientation(data: bytes) -> int:
    try:
        from PIL import Image

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(Image.open(io.BytesIO(data)).getexif().get(0x0112, 1))
    except Exception:  # of a damaged picture, Pillow raises what it likes; viewers show such a one as it stands
        return 1


def _only_orientation(data: bytes) -> bytes:
    """Return EXIF data that say nothing but which side of a picture is up; none where it stands as it is."""
    turned = _orientation(data)
    if turned <= 1:
        return b""
    head = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
    return head + struct.pack(">HH", turned, 0) + b"\x00\x00\x00\x00"


def _png(data: bytes) -> bytes:
    out, at = [data[:8]], 8
    while at + 12 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        kind = data[at + 4 : at + 8]
        if kind == b"IDAT" and not any(c[4:8] == b"IDAT" for c in out):
            turned = _only_orientation(data)
            body = b"eXIf" + turned
            out += [struct.pack(">I", len(turned)) + body + struct.pack(">I", zlib.crc32(body))] if turned else []
        if kind in _PNG_KEPT:
            out.append(data[at : at + 12 + size])
        at += 12 + size
        if kind == b"IEND":
            break
    return b"".join(out)


def _webp(data: bytes) -> bytes:
    """Return a WebP file with its picture or frames and colour profile alone, as they are encoded; turned pictures stay so."""
    end, at, out = 8 + struct.unpack("<I", data[4:8])[0], 12, []
    turned = _only_orientation(data)
    while at + 8 <= min(end, len(data)):
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        kind, chunk = data[at : at + 4], data[at : at + 8 + size + size % 2]
        if kind == b"VP8X":  # whose first bits say which chunks there are
            chunk = chunk[:8] + bytes([chunk[8] & ~0b1100 | (0b1000 if turned else 0)]) + chunk[9:]
        if kind in _WEBP_KEPT:
            out.append(chunk)
        at += 8 + size + size % 2
    if turned:
        out.append(b"EXIF" + struct.pack("<I", len(turned)) + turned)
    whole = b"WEBP" + b"".join(out)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def _gif(data: bytes) -> bytes:
    """Return a GIF with its frames, their times and how often they are shown, without comments and what programs add."""
    at = 13 + _colours(data[10])
    out = [data[:at]]
    while data[at] != 0x3B:
        first = at
        if data[at] == 0x2C:
            at = _after(data, at + 11 + _colours(data[at + 9]))
            out.append(data[first:at])
            continue
        if data[at] != 0x21:
            raise IndexError("no block of a GIF")
        label = data[at + 1]
        at = _after(data, at + 2)
        if label == 0xF9 or (label == 0xFF and data[first + 3 : first + 14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0")):
            out.append(data[first:at])
    return b"".join(out) + b";"


def _colours(flags: int) -> int:
    """Return the bytes of the table of colours that flags of a GIF tell of."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after(data: bytes, at: int) -> int:
    """Return where the blocks of a GIF that begin at `at` end."""
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _incomplete(path: Path, e: Exception) -> OptionError:
    return OptionError(
        f"{path} is not a complete picture ({type(e).__name__}); take it out of the folder.",
        f"{path} 不是完整的图片（{type(e).__name__}）；请移出该文件夹。",
    )


def _again(data: bytes, path: Path) -> bytes:
    """Return a picture written anew, with all its pages and its colour profile."""
    try:
        from PIL import Image, ImageSequence, UnidentifiedImageError
    except ImportError as e:
        raise MissingExtra("image", f"Writing {path}", f"写入 {path}") from e
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data))
            kind, pages = picture.format, []
            more = {"icc_profile": picture.info["icc_profile"]} if picture.info.get("icc_profile") else {}
            for page in ImageSequence.Iterator(picture):
                page.load()  # which turns a page of a TIFF upright
                plain = Image.frombytes(page.mode, page.size, page.tobytes())
                if page.getpalette() is not None:
                    plain.putpalette(page.getpalette() or [])
                pages.append(plain)
            if kind == "TIFF":
                more |= {"save_all": True, "append_images": pages[1:]}
            held = io.BytesIO()
            pages[0].save(held, kind, **more)
            return held.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as e:
        raise _incomplete(path, e) from e


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
