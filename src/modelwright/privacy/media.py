"""Personal data that files carry beside what they show: positions and owners in EXIF, patients in DICOM, names in file names."""

from __future__ import annotations

import io
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.data.kinds.base import Unreadable, content
from modelwright.privacy.detect import Found, find
from modelwright.privacy.mask import masked

_GPS, _EXIF = 0x8825, 0x8769
# EXIF 2.32: what names a person or a device, as texts
_TEXTS = {
    0x013B: "person",
    0x8298: "",
    0x010E: "",
    0x9286: "",
    0xA430: "person",
    0xA431: "serial",
    0x9C9D: "person",
    0x9C9B: "",
    0x9C9C: "",
}
# DICOM PS3.15 table E.1-1: attributes that name patient, staff or place
DICOM_TAGS: dict[str, str] = {
    "PatientName": "person", "OtherPatientNames": "person", "PatientBirthName": "person", "PatientMotherBirthName": "person",
    "ReferringPhysicianName": "person", "PerformingPhysicianName": "person", "NameOfPhysiciansReadingStudy": "person",
    "OperatorsName": "person", "RequestingPhysician": "person", "PhysiciansOfRecord": "person", "ResponsiblePerson": "person",
    "PatientID": "medical-record", "OtherPatientIDs": "medical-record", "AccessionNumber": "medical-record",
    "IssuerOfPatientID": "medical-record", "AdmissionID": "medical-record", "MedicalRecordLocator": "medical-record",
    "PatientInsurancePlanCodeSequence": "medical-record", "StudyID": "medical-record",
    "PatientBirthDate": "birth-date", "PatientBirthTime": "birth-date",
    "PatientAddress": "address", "InstitutionAddress": "address", "PatientTelephoneNumbers": "phone",
    "ReferringPhysicianTelephoneNumbers": "phone", "MilitaryRank": "", "PatientComments": "", "AdditionalPatientHistory": "",
    "ImageComments": "", "StudyComments": "", "InstitutionName": "place", "CountryOfResidence": "place", "RegionOfResidence": "place",
}  # fmt: skip


def private_in(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield (type, value) of what is private in a picture's or DICOM file's own data; nothing where it cannot be read."""
    yield from _dicom(data) if data[128:132] == b"DICM" else _exif(data)


def _exif(data: bytes) -> Iterator[tuple[str, str]]:
    try:
        from PIL import Image
    except ImportError:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Image.open(io.BytesIO(data)).getexif()
            position = dict(exif.get_ifd(_GPS))
            entries = {**dict(exif), **dict(exif.get_ifd(_EXIF))}
    except Exception:  # of damaged EXIF data, Pillow raises what it likes: no library reads a person out of it
        return
    if 2 in position and 4 in position:
        yield "gps", str(position[2]) + str(position[4])
    for tag, kind in _TEXTS.items():
        text = _text(entries.get(tag))
        if not text:
            continue
        if kind == "person":
            yield "person", text
        elif kind == "":
            yield from ((m.type, text[m.start : m.end]) for m in find(text) if m.type != "place")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-16-le" if b"\x00" in value[1::2] else "utf-8", "ignore").replace("ASCII", "")
    return str(value).replace("\x00", "").strip() if value else ""


def _dicom(data: bytes) -> Iterator[tuple[str, str]]:
    try:
        import pydicom
    except ImportError:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
            values = {name: str(found.get(name, "") or "").strip() for name in DICOM_TAGS}
    except Exception:  # no DICOM file after all, or a damaged one, of which pydicom raises what it likes
        return
    for name, text in values.items():
        kind = DICOM_TAGS[name]
        if text and text not in ("[]", "None"):
            if kind:
                yield kind, text
            else:
                yield from ((m.type, text[m.start : m.end]) for m in find(text) if m.type != "place")


def media_found(column: str, values: pa.Array, until: float | None = None) -> list[Found]:
    """Return what the files of a column carry, read in random order until the time is up."""
    rows: Counter[str] = Counter()
    distinct: dict[str, set[str]] = defaultdict(set)
    shown: dict[str, list[str]] = defaultdict(list)
    cells = values.to_pylist() if len(values) <= 20_000 else values.slice(0, 20_000).to_pylist()
    for i in np.random.default_rng(0).permutation(len(cells)):
        cell: Mapping[str, Any] | None = cells[i]
        if cell is None:
            continue
        if until is not None and time.monotonic() > until:
            break
        found = list(_of_cell(cell))
        for kind in dict.fromkeys(k for k, _ in found):
            rows[kind] += 1
        for kind, value in found:
            distinct[kind].add(value)
            if len(shown[kind]) < 3:
                shown[kind].append(masked(value, kind) if kind != "gps" else "**.****, **.****")
    return [
        Found(
            column,
            kind,
            n,
            len(distinct[kind]),
            0.95,
            "metadata",
            n / max(1, len(cells)),
            tuple(dict.fromkeys(shown[kind])),
        )
        for kind, n in rows.most_common()
    ]


def _of_cell(cell: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if cell.get("path"):
        name = PurePath(cell["path"]).stem.replace("_", " ")
        yield from ((m.type, name[m.start : m.end]) for m in find(name) if m.type != "place")
    try:
        yield from private_in(content(cell))
    except Unreadable:
        return
