"""Files of every kind that is read, damaged by chance: each must be read, or refused in one sentence.

    python tests/mutated.py [--files 2000] [--bundles 500] [--seed 0] [--kind NAME ...]

Each file is made whole by the library of its format, then changed: bits, bytes, numbers and lengths at their limits, parts cut
out, doubled, swapped or taken from another file; inside zip and gzip archives too, whose checksums are made to fit again. A
worker process reads them as `modelwright inspect` does (documents as question answering does, bundles as `predict` does), so
that a crash of the process or a hang is seen from outside. Everything follows from the seed: nothing of it is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import resource
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bundles_made import make_bundles, rows_of

HANG = 10.0  # seconds that one file may take
MEMORY = 8 << 30  # bytes of address space of the worker
Made = Callable[[], bytes]

# -- whole files -----------------------------------------------------------------------------------------------------

ROWS = 60
WORDS = ["parcel", "invoice", "refund", "late", "broken", "退货", "发票", "größe"]


def _rows() -> dict[str, list[Any]]:
    rng = random.Random(1)
    return {
        "message": [" ".join(rng.choices(WORDS, k=5)) for _ in range(ROWS)],
        "size": [round(rng.gauss(5, 2), 3) if i % 9 else None for i in range(ROWS)],
        "count": [rng.randrange(9) for _ in range(ROWS)],
        "at": [f"2025-03-{1 + i % 28:02d} 10:{i % 60:02d}:00" for i in range(ROWS)],
        "kind": [rng.choice(["red", "green", "blue"]) for _ in range(ROWS)],
        "label": [rng.choice(["yes", "no"]) for _ in range(ROWS)],
    }


def _csv(delimiter: str = ",") -> str:
    rows = _rows()
    lines = [delimiter.join(rows)]
    for cells in zip(*rows.values(), strict=True):
        lines.append(delimiter.join("" if c is None else f'"{c}"' if i == 0 else str(c) for i, c in enumerate(cells)))
    return "\n".join(lines) + "\n"


def _jsonl() -> str:
    names = list(_rows())
    rows = zip(*_rows().values(), strict=True)
    return "\n".join(json.dumps(dict(zip(names, r, strict=True)), ensure_ascii=False) for r in rows) + "\n"


def _arrow_table(views: bool = False) -> Any:
    import datetime as dt

    import pyarrow as pa

    rows = _rows()
    text = pa.string_view() if views else pa.string()
    return pa.table(
        {
            "message": pa.array(rows["message"], text),
            "size": pa.array(rows["size"], pa.float64()),
            "count": pa.array(rows["count"], pa.int32()),
            "at": pa.array([dt.datetime.fromisoformat(a) for a in rows["at"]], pa.timestamp("us")),
            "kind": pa.array(rows["kind"]).dictionary_encode(),
            "parts": pa.array([[i, i + 1] if i % 5 else None for i in range(ROWS)], pa.list_(pa.int64())),
            "more": pa.array([{"a": str(i), "b": i} for i in range(ROWS)]),
            "blob": pa.array([bytes([i]) * 3 for i in range(ROWS)], pa.binary_view() if views else pa.binary()),
            "label": pa.array(rows["label"], text),
        }
    )


def _parquet(**how: Any) -> bytes:
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(_arrow_table(), held, row_group_size=25, **how)
    return held.getvalue()


def _ipc(file: bool, views: bool = False, compression: str | None = None) -> bytes:
    import pyarrow as pa

    table = _arrow_table(views)
    held = pa.BufferOutputStream()
    new: Any = pa.ipc.new_file if file else pa.ipc.new_stream
    with new(held, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=25)
    return bytes(held.getvalue().to_pybytes())


def _polars() -> bytes:
    import polars as pl

    held = io.BytesIO()
    pl.DataFrame(_rows()).with_columns(pl.col("kind").cast(pl.Categorical)).write_ipc(held, compression="zstd")
    return held.getvalue()


def _xlsx() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    rows = _rows()
    sheet.append(list(rows))
    for cells in zip(*rows.values(), strict=True):
        sheet.append(cells)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def _arff() -> bytes:
    head = (
        "@relation r\n@attribute size numeric\n@attribute 'the kind' {red,'green one',blue}\n@attribute note string\n"
        "@attribute at date yyyy-MM-dd\n@attribute bag relational\n @attribute a numeric\n @attribute b numeric\n@end bag\n@data\n"
    )
    rows = [f"{i}.5,'green one',\"it's {i}\",2025-01-{1 + i % 28:02d},'1,2\\n3,{i}'" for i in range(30)]
    return (head + "\n".join(rows) + "\n{0 3, 1 blue, 2 'x, y'}\n").encode()


def _ts() -> bytes:
    head = "@problemName x\n@timeStamps false\n@missing false\n@univariate true\n@equalLength true\n@seriesLength 5\n@classLabel true a b\n@data\n"
    return (head + "".join(f"{i},2,3,{i * 2},5:{'ab'[i % 2]}\n" for i in range(40))).encode()


def _fasta() -> bytes:
    return "".join(
        f">s{i} label={'ab'[i % 2]} some words\n{'ACGT' * 15}\n{'GATTACA' * 5}\n" for i in range(40)
    ).encode()


def _zip(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


def _picture(kind: str, mode: str = "RGB", **how: Any) -> bytes:
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(2)
    if mode == "I;16":
        picture = Image.fromarray((rng.random((24, 20)) * 4095).astype(np.uint16))
    elif mode == "F":
        picture = Image.fromarray(rng.random((24, 20)).astype(np.float32))
    else:
        picture = Image.fromarray((rng.random((24, 20, 3)) * 255).astype(np.uint8)).convert(mode)
    held = io.BytesIO()
    picture.save(held, kind, **how)
    return held.getvalue()


def _moving(kind: str) -> bytes:
    import numpy as np
    from PIL import Image

    frames = [Image.fromarray(np.full((16, 16, 3), 40 * i, np.uint8)) for i in range(5)]
    held = io.BytesIO()
    frames[0].save(held, kind, save_all=True, append_images=frames[1:])
    return held.getvalue()


def _dicom(**tags: Any) -> bytes:
    import numpy as np
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    made = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    made.Rows, made.Columns, made.SamplesPerPixel, made.PhotometricInterpretation = 16, 16, 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.RescaleSlope, made.RescaleIntercept, made.WindowCenter, made.WindowWidth = 1, -1024, 40, 400
    made.PixelData = (np.arange(512) % 4096).astype("<u2").tobytes()
    made.NumberOfFrames = 2
    for name, value in tags.items():
        setattr(made, name, value)
    held = io.BytesIO()
    made.save_as(held, enforce_file_format=True)
    return held.getvalue()


def _sound(kind: str, channels: int = 1, subtype: str | None = None) -> bytes:
    import numpy as np
    import soundfile

    tone = 0.3 * np.sin(np.arange(8000) * 0.3)[:, None] * np.ones((1, channels))
    held = io.BytesIO()
    soundfile.write(held, tone, 16000, format=kind, subtype=subtype)
    return held.getvalue()


def _video(kind: str, codec: str) -> bytes:
    import av
    import numpy as np

    held = io.BytesIO()
    with av.open(held, "w", format=kind) as out:
        stream = out.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for i in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 20 * i, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return held.getvalue()


def _docx() -> bytes:
    import docx

    book = docx.Document()
    for i in range(4):
        book.add_heading(f"Part {i}", 1 + i % 2)
        book.add_paragraph("A parcel may be sent back within 30 days of its arrival. " * 3)
        table = book.add_table(rows=2, cols=3)
        for n, cell in enumerate(c for row in table.rows for c in row.cells):
            cell.text = f"cell {n}"
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def _pdf() -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> /Annots [6 0 R] >>",
        b"<< /Length %d >>\nstream\n%s\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Jane) /Rect [10 10 90 30] >>",
    ]
    text = b"BT /F1 12 Tf 20 150 Td (A parcel may be sent back within 30 days.) Tj ET"
    objects[3] = objects[3] % (len(text), text)
    out, places = b"%PDF-1.4\n", []
    for i, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i, body)
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % p for p in places)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, at)


def _html() -> bytes:
    return (
        b"<html><head><title>Guide</title></head><body><form><h1>Returns</h1><p>Within <b>30</b> days.</p>"
        b"<table><tr><td>a</td><td>b</td></tr></table><ul><li>one<li>two</ul></form></body></html>"
    )


def _markdown() -> bytes:
    return (
        b"---\ntitle: x\n---\n# Returns\n\nWithin **30** days[^1], see [here](http://x).\n\n```\n<b>code</b>\n```\n\n"
        b"| a | b |\n|---|---|\n| 1 | 2 |\n\n[^1]: of arrival.\n"
    )


def _sqlite() -> bytes:
    import sqlite3

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.db"
        with sqlite3.connect(path) as base:
            base.execute("create table t (message text, size real, label text)")
            rows = _rows()
            base.executemany(
                "insert into t values (?, ?, ?)", zip(rows["message"], rows["size"], rows["label"], strict=True)
            )
        base.close()
        return path.read_bytes()


KINDS: dict[str, tuple[str, Made]] = {
    "csv": ("a.csv", lambda: _csv().encode()),
    "csv utf-16": ("a.csv", lambda: _csv().encode("utf-16")),
    "csv gb18030": ("a.csv", lambda: _csv(";").encode("gb18030")),
    "tsv gz": ("a.tsv.gz", lambda: gzip.compress(_csv("\t").encode())),
    "json lines": ("a.jsonl", lambda: _jsonl().encode()),
    "json": ("a.json", lambda: ("[" + ",".join(_jsonl().splitlines()) + "]").encode()),
    "parquet": ("a.parquet", lambda: _parquet()),
    "parquet zstd": ("a.parquet", lambda: _parquet(compression="zstd", use_dictionary=False, data_page_version="2.0")),
    "parquet plain": ("a.parquet", lambda: _parquet(compression="none")),
    "arrow file": ("a.arrow", lambda: _ipc(True)),
    "arrow views": ("a.arrow", lambda: _ipc(True, views=True)),
    "arrow zstd": ("a.arrow", lambda: _ipc(True, compression="zstd")),
    "arrow stream": ("a.arrow", lambda: _ipc(False, views=True)),
    "arrow stream lz4": ("a.feather", lambda: _ipc(False, compression="lz4")),
    "arrow polars": ("a.arrow", _polars),
    "excel": ("a.xlsx", _xlsx),
    "arff": ("a.arff", _arff),
    "ts": ("a.ts", _ts),
    "fasta": ("a.fasta", _fasta),
    "sqlite": ("a.db", _sqlite),
    "zip pictures": ("a.zip", lambda: _zip({f"{'ab'[i % 2]}/{i}.png": _picture("PNG") for i in range(6)})),
    "zip table": ("a.zip", lambda: _zip({"t/a.csv": b"photo,label\n" + b"".join(b"%d.png,%s\n" % (i, b"ab"[i % 2 : i % 2 + 1]) for i in range(4)), **{f"t/{i}.png": _picture("PNG") for i in range(4)}})),
    "png": ("a.png", lambda: _picture("PNG")),
    "png palette": ("a.png", lambda: _picture("PNG", "P")),
    "png 16": ("a.png", lambda: _picture("PNG", "I;16")),
    "jpeg": ("a.jpg", lambda: _picture("JPEG")),
    "jpeg progressive": ("a.jpg", lambda: _picture("JPEG", "L", progressive=True)),
    "gif": ("a.gif", lambda: _picture("GIF", "P")),
    "webp": ("a.webp", lambda: _picture("WEBP")),
    "tiff": ("a.tif", lambda: _picture("TIFF", compression="tiff_lzw")),
    "tiff float": ("a.tif", lambda: _picture("TIFF", "F")),
    "bmp": ("a.bmp", lambda: _picture("BMP")),
    "pgm": ("a.pgm", lambda: _picture("PPM", "L")),
    "avif": ("a.avif", lambda: _picture("AVIF")),
    "dicom": ("a.dcm", lambda: _dicom()),
    "dicom plain": ("a.dcm", lambda: _dicom(WindowCenter=None, WindowWidth=None, PixelRepresentation=1)),
    "wav": ("a.wav", lambda: _sound("WAV", 2)),
    "wav adpcm": ("a.wav", lambda: _sound("WAV", 1, "MS_ADPCM")),
    "flac": ("a.flac", lambda: _sound("FLAC", 2)),
    "ogg": ("a.ogg", lambda: _sound("OGG")),
    "opus": ("a.opus", lambda: _sound("OGG", 1, "OPUS")),
    "mp3": ("a.mp3", lambda: _sound("MP3")),
    "aiff": ("a.aiff", lambda: _sound("AIFF", 2)),
    "caf": ("a.caf", lambda: _sound("CAF")),
    "au": ("a.au", lambda: _sound("AU")),
    "mp4": ("a.mp4", lambda: _video("mp4", "mpeg4")),
    "webm": ("a.webm", lambda: _video("webm", "libvpx")),
    "avi": ("a.avi", lambda: _video("avi", "mpeg4")),
    "gif moving": ("a.gif", lambda: _moving("GIF")),
    "docx": ("a.docx", _docx),
    "pdf": ("a.pdf", _pdf),
    "html": ("a.html", _html),
    "markdown": ("a.md", _markdown),
    "text": ("a.txt", lambda: (_csv() * 3).encode()),
}  # fmt: skip
DOCUMENTS = ("docx", "pdf", "html", "markdown", "text")
MEDIA = {name: suffix for name, (file, _) in KINDS.items() if (suffix := Path(file).suffix) in (
    ".png", ".jpg", ".gif", ".webp", ".tif", ".bmp", ".pgm", ".avif", ".dcm", ".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff",
    ".caf", ".au", ".mp4", ".webm", ".avi",
)}  # fmt: skip

# -- damage ----------------------------------------------------------------------------------------------------------

_NUMBERS = [0, 1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1, 2**40]
_WORDS = [
    b"\x00", b'"', b"'", b"\\", b"{", b"[" * 3000, b'{"a":' * 2000, b"1e999", b"-1e-400", b"9" * 5000, b"\xff\xfe", b"\xed\xa0\x80", b"\r\n",
    b"\n\n\n", b",,,,", b"nan", b"NULL", b"0000-00-00", b"9999-99-99T99:99:99", b"&#x0;", b"]]>", b"<a " * 500, b"%s%n", b"\xe2\x80\xae",
    b"true", b"-", b"0x", b"\x1f\x8b", b"PK\x03\x04", b"=1+1", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"-99999999999999999999",
]  # fmt: skip


def damaged(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Return a file with one to several changes."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        if not out:
            out += b"\0"
        at = rng.randrange(len(out))
        if rng.random() < 0.4:  # heads and ends hold what the rest is read by
            at = rng.choice([rng.randrange(min(len(out), 200)), len(out) - 1 - rng.randrange(min(len(out), 400))])
        way = rng.randrange(11)
        if way == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            out[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif way == 2:
            for _ in range(rng.randrange(2, 40)):
                out[rng.randrange(len(out))] = rng.randrange(256)
        elif way == 3:
            size = rng.choice([2, 4, 8])
            number = (rng.choice(_NUMBERS) + rng.choice([0, 0, -1, 1])) % (1 << 8 * size)
            out[at : at + size] = number.to_bytes(size, rng.choice(["little", "big"]))
        elif way == 4:
            del out[rng.choice([at, max(1, len(out) - rng.randrange(1, 64))]) :]
        elif way == 5:
            del out[at : at + rng.choice([1, 2, 4, 16, rng.randrange(1, 400)])]
        elif way == 6:
            out[at:at] = out[at : at + rng.randrange(1, 300)]
        elif way == 7:
            out[at:at] = rng.choice(_WORDS)
        elif way == 8:
            b, size = rng.randrange(len(out)), rng.randrange(1, 200)
            one, two = out[at : at + size], out[b : b + size]
            out[at : at + len(two)], out[b : b + len(one)] = two, one
        elif way == 9 and other:
            b = rng.randrange(len(other))
            out[at : at + rng.randrange(1, 200)] = other[b : b + rng.randrange(1, 200)]
        else:
            out[at : at + rng.randrange(1, 60)] = bytes(rng.randrange(1, 60))
    return bytes(out)


def mutated(kind: str, whole: bytes, rng: random.Random, other: bytes) -> bytes:
    """Return a damaged file; inside archives and PNG chunks half of the time, with checksums that fit."""
    if rng.random() < 0.5:
        if whole[:4] == b"PK\x03\x04":
            return _rezipped(whole, rng, other)
        if whole[:2] == b"\x1f\x8b":
            return gzip.compress(damaged(gzip.decompress(whole), rng, other))
        if whole[:4] == b"\x89PNG":
            return _rechecked(damaged(whole, rng, other))
    return damaged(whole, rng, other)


def _rezipped(whole: bytes, rng: random.Random, other: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {m.filename: archive.read(m) for m in archive.infolist()}
    for name in rng.sample(sorted(members), rng.choice([1, 1, 2])):
        if rng.random() < 0.1:
            del members[name]
        else:
            members[name] = damaged(members[name], rng, other)
    return _zip(members)


def _rechecked(data: bytes) -> bytes:
    """Return a PNG with fitting checksums, as far as its chunks can be told."""
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        size = int.from_bytes(out[at : at + 4], "big")
        if at + 12 + size > len(out):
            break
        out[at + 8 + size : at + 12 + size] = struct.pack(">I", zlib.crc32(out[at + 4 : at + 8 + size]))
        at += 12 + size
    return bytes(out)


# -- bundles ---------------------------------------------------------------------------------------------------------


def damage_bundle(folder: Path, rng: random.Random) -> None:
    """Change one file of a bundle, and every checksum of it that the bundle holds, so that all fit."""
    files = [
        p
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.json" and not p.name.startswith("card")
    ]
    path = rng.choice(files)
    old = path.read_bytes()
    if path.suffix == ".safetensors":
        new = _values_changed(old, rng) if rng.random() < 0.6 else damaged(old, rng, b"")
    else:
        new = _numbers_changed(old, rng) if rng.random() < 0.6 else damaged(old, rng, b"")
    path.write_bytes(new)
    sums = {hashlib.sha256(old).hexdigest(): hashlib.sha256(new).hexdigest()}
    for other in [*files, folder / "manifest.json"]:  # the manifest comes last: what is mended before changes it too
        if other == path or other.suffix == ".safetensors":
            continue
        before = other.read_bytes()
        after = before
        for was, is_ in list(sums.items()):
            after = after.replace(was.encode(), is_.encode())
        if after != before:
            other.write_bytes(after)
            sums[hashlib.sha256(before).hexdigest()] = hashlib.sha256(after).hexdigest()


def _values_changed(data: bytes, rng: random.Random) -> bytes:
    """Change some values of a safetensors file whose head stays as it is."""
    start = 8 + int.from_bytes(data[:8], "little")
    if start >= len(data):
        return damaged(data, rng, b"")
    out = bytearray(data)
    for _ in range(rng.choice([1, 2, 8])):
        value = rng.choice(
            [struct.pack("<f", v) for v in (float("nan"), float("inf"), -1e38, 1e38, 0.0)]
            + [struct.pack("<q", v) for v in (-1, 2**31, 2**40, 2**63 - 1, -(2**63))]
            + [struct.pack("<i", v) for v in (-1, 10**6, 2**31 - 1, -(2**31))]
        )
        at = start + 4 * rng.randrange(max(1, (len(data) - start) // 4))
        out[at : at + len(value)] = value
    return bytes(out[: len(data)])


def _numbers_changed(data: bytes, rng: random.Random) -> bytes:
    """Change some numbers of a text, which stays well formed: what hashes and parsers do not find."""
    import re

    found = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", data))
    if not found:
        return damaged(data, rng, b"")
    out = bytearray(data)
    for m in sorted(rng.sample(found, min(len(found), rng.choice([1, 2, 5]))), key=lambda m: -m.start()):
        out[m.start() : m.end()] = rng.choice(
            [
                b"-1",
                b"0",
                b"7",
                b"1000000",
                b"2147483647",
                b"-2147483648",
                b"99999999999",
                b"1e308",
                b"0.5",
                b"null",
                b"NaN",
            ]
        )
    return bytes(out)


# -- the worker ------------------------------------------------------------------------------------------------------


def look(kind: str, data: bytes, place: Path) -> str:
    """Read a file as a user's command would; return `read` or `refused`. Anything else raised is a fault."""
    from modelwright.api import inspect
    from modelwright.core.errors import ModelwrightError

    name = KINDS[kind][0]
    path = place / name
    try:
        if kind in DOCUMENTS:
            from modelwright.data.documents import read_document

            path.write_bytes(data)
            read_document(path)
            if kind != "text":
                return "read"
        if kind in MEDIA:
            for label in ("x", "y"):
                (place / label).mkdir()
                for i in range(2):
                    (place / label / f"{i}{MEDIA[kind]}").write_bytes(KINDS[kind][1]() if label == "x" else data)
            path = place
            _decode_all(kind, path)
            inspect(str(path), "label")
            return "read"
        path.write_bytes(data)
        if kind == "sqlite":
            inspect(f"sqlite:///{path}", table="t")
        else:
            inspect(str(path))
    except ModelwrightError as e:
        said = e.words.en
        if not said.strip() or "\n\n" in said or len(said) > 2000 or not e.words.zh.strip():
            raise AssertionError(f"no one sentence: {said[:300]}") from e
        return "refused"
    return "read"


def _decode_all(kind: str, folder: Path) -> None:
    """Make what the codecs make of each cell, beyond what reading looks at."""
    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema
    from modelwright.data.sources import read
    from modelwright.features.base import codec_class

    raw = read(folder)
    schema = infer_schema(raw, target="label", folder=folder)
    table, _ = coerce(raw, schema, folder=folder)
    column = schema.columns[0]
    if column.modality in ("image", "audio", "video"):
        values = table.column(column.name)
        if len(values.drop_null()):
            made = codec_class(column.modality, "sparse")
            assert made is not None
            made.fit(values, column, None, 0).encode(values)


def try_bundle(folder: Path, rows: list[dict[str, Any]]) -> str:
    """Load a bundle and ask it for some rows; return `read` or `refused`."""
    import math

    from modelwright.core.errors import ModelwrightError
    from modelwright.release.bundle import load

    try:
        for answer in load(folder).predict(rows, scores=True):
            confidence = answer.get("confidence")
            if confidence is not None and not math.isfinite(confidence):
                raise AssertionError(f"an answer that is no number: {answer}")
    except ModelwrightError:
        return "refused"
    return "read"


def work() -> None:
    """Answer lines `kind seed index` on standard input, one JSON line each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import warnings

    warnings.simplefilter("ignore")
    whole: dict[str, bytes] = {}
    told, sys.stdout = sys.stdout, sys.stderr
    bundles: list[Path] = []
    with tempfile.TemporaryDirectory() as held:
        if os.environ.get("MUTATED_BUNDLES"):
            bundles = sorted(p for p in Path(os.environ["MUTATED_BUNDLES"]).iterdir() if p.is_dir())
            for one in bundles:
                try_bundle(one / "bundle", rows_of(one))  # imports are no part of what a bundle takes
        print("ready", file=told, flush=True)
        for line in sys.stdin:
            kind, number, index = json.loads(line)
            rng = random.Random(f"{number} {kind} {index}")
            place = Path(held) / "case"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            start = time.monotonic()
            try:
                if kind == "bundle":
                    chosen = rng.choice(bundles)
                    one = Path(shutil.copytree(chosen / "bundle", place / "bundle"))
                    damage_bundle(one, rng)
                    said = try_bundle(one, rows_of(chosen))
                else:
                    if kind not in whole:
                        whole[kind] = KINDS[kind][1]()
                    other = whole[rng.choice(sorted(whole))]
                    other = other if rng.random() < 0.3 else whole[kind]
                    said = look(kind, mutated(kind, whole[kind], rng, other), place)
                answer = {"said": said}
            except BaseException:
                answer = {"said": "traceback", "what": traceback.format_exc()[-3000:]}
            print(json.dumps({**answer, "seconds": time.monotonic() - start}), file=told, flush=True)


# -- the watcher -----------------------------------------------------------------------------------------------------


class Worker:
    """A process that reads; one that fell or hung is replaced."""

    def __init__(self, bundles: Path | None = None) -> None:
        self._bundles = bundles
        self._start()

    def _start(self) -> None:
        env = {**os.environ, "MODELWRIGHT_THREADS": "1", "OMP_NUM_THREADS": "1"}
        if self._bundles is not None:
            env["MUTATED_BUNDLES"] = str(self._bundles)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=env,
        )
        assert self._line(300) is not None

    def _line(self, seconds: float) -> bytes | None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return self._process.stdout.readline() if ready else None

    def ask(self, kind: str, number: int, index: int) -> dict[str, Any]:
        """Let it read one file; a crash or a hang is an answer too."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it fell between two files
            self._process.stdin.write(json.dumps([kind, number, index]).encode() + b"\n")
            self._process.stdin.flush()
        line = self._line(HANG + 5)
        if line:
            found: dict[str, Any] = json.loads(line)
            if found["seconds"] > HANG:
                found["said"] = "hang"
            return found
        hung = line is None
        code = None if hung else self._process.wait(10)
        self._errors.seek(0)
        what = self._errors.read()[-1500:].decode("utf-8", "replace")
        self.close()
        self._start()
        return {"said": "hang" if hung else "crash", "what": f"exit {code}\n{what}", "seconds": HANG}

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


BAD = ("traceback", "crash", "hang")


def fuzz(
    files: int, number: int, kinds: list[str], bundles: Path | None = None, seconds: float | None = None
) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Read so many damaged files, the kinds in turn; return how they were answered, and the bad ones."""
    counts: Counter[str] = Counter()
    bad = []
    worker = Worker(bundles)
    end = None if seconds is None else time.monotonic() + seconds
    try:
        for i in range(files):
            if end is not None and time.monotonic() > end:
                break
            kind = kinds[i % len(kinds)]
            found = worker.ask(kind, number, i // len(kinds))
            counts[found["said"]] += 1
            if found["said"] in BAD:
                bad.append({"kind": kind, "index": i // len(kinds), **found})
    finally:
        worker.close()
    return counts, bad


def main() -> int:
    """Fuzz and print; 1 where something was neither read nor refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--bundles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work()
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as held:
        jobs: list[tuple[str, int, list[str], Path | None]] = [("files", asked.files, asked.kind or list(KINDS), None)]
        if asked.bundles:
            made = Path(held)
            make_bundles(made)
            jobs.append(("bundles", asked.bundles, ["bundle"], made))
        for name, count, kinds, place in jobs:
            start = time.monotonic()
            counts, bad = fuzz(count, asked.seed, kinds, place)
            print(f"{sum(counts.values()):,} {name} in {time.monotonic() - start:.0f} s: {dict(counts)}")
            for one in bad:
                print(
                    f"\n{one['said']}: {one['kind']} --seed {asked.seed}, number {one['index']}, {one['seconds']:.1f} s\n{one.get('what', '')}"
                )
            failed += len(bad)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
