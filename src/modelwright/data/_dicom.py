"""DICOM pictures as a reader sees them: modality values, then the window, grey or colour (DICOM PS3.3 C.7.6.3, C.11).

Legend: H, W pixels.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.data._faults import FAULTS
from modelwright.data.kinds.base import Unreadable

Range = tuple[float, float]
_DEFLATED = b"1.2.840.10008.1.2.1.99"  # a few bytes of it can unpack to gigabytes before anything could be counted


@dataclass(frozen=True)
class Opened:
    """A frame: colour as uint8 [H, W, 3], or grey as modality values [H, W] that are still to be brought to a window."""

    colour: np.ndarray | None
    values: np.ndarray
    window: np.ndarray | None  # uint8 [H, W] where the file says how it is to be seen
    stored: Range  # of what the file can hold, as modality values
    inverted: bool
    padding: float | None  # modality value that stands for no value


def is_dicom(data: bytes) -> bool:
    """Whether bytes are a DICOM file."""
    return data[128:132] == b"DICM"


def shown(data: bytes, most: int, scale: Range | None) -> np.ndarray:
    """Return uint8 [H, W, 1 or 3]: by the file's window, else by `scale`, else by the range that its bits can hold.

    Of several frames the one that the file calls representative is read, else the middle one. Raises Unreadable.
    """
    found = opened(data, most)
    if found.colour is not None:
        return found.colour
    grey = found.window if found.window is not None else brought(found.values, scale or found.stored)
    return (255 - grey if found.inverted else grey)[:, :, None]


def brought(values: np.ndarray, scale: Range) -> np.ndarray:
    """Return values of any shape as uint8, `scale` brought to 0 and 255; what lies outside is cut, what is no number is 0."""
    low, high = scale
    return np.nan_to_num(np.clip((values - low) / max(high - low, 1e-12), 0, 1) * 255).astype(np.uint8)


def opened(data: bytes, most: int) -> Opened:
    """Decode one frame of at most `most` pixels. Raises Unreadable for what cannot be read."""
    try:
        import pydicom
        from pydicom.errors import BytesLengthException, InvalidDicomError
        from pydicom.pixels.utils import pixel_array
    except ImportError as e:
        raise MissingExtra("dicom", "Reading DICOM images", "读取 DICOM 图像") from e
    faults: tuple[type[Exception], ...] = (*FAULTS, InvalidDicomError, BytesLengthException)
    if _DEFLATED in data[132:2048]:
        raise Unreadable(
            "the DICOM file is deflated as a whole; store it uncompressed or with compressed pixels",
            "DICOM 文件整体经过 deflate 压缩；请以未压缩或像素压缩的方式保存",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = pydicom.dcmread(io.BytesIO(data))
            if int(file.Rows) * int(file.Columns) > most:
                raise Unreadable("the DICOM image is too large", "DICOM 图像过大")
            frame, bits, high = _frame(file), int(file.BitsStored), int(getattr(file, "HighBit", file.BitsStored - 1))
            if high >= bits and not file.file_meta.TransferSyntaxUID.is_compressed:
                file.BitsStored = file.BitsAllocated  # else pydicom takes the lowest bits, whichever are the values'
            pixels = pixel_array(file, index=frame)
            file.BitsStored, file.HighBit = bits, high
            return _opened(file, pixels, frame)
    except Unreadable:
        raise
    except faults as e:
        raise Unreadable(
            f"no readable DICOM image ({type(e).__name__})", f"无法读取的 DICOM 图像（{type(e).__name__}）"
        ) from None


def _frame(file: Any) -> int:
    count = int(getattr(file, "NumberOfFrames", None) or 1)
    told = int(getattr(file, "RepresentativeFrameNumber", None) or 0)
    return told - 1 if 1 <= told <= count else count // 2 if count > 2 else 0


def _opened(file: Any, pixels: np.ndarray, frame: int) -> Opened:
    bits = int(file.BitsStored)
    photometric = str(getattr(file, "PhotometricInterpretation", "MONOCHROME2")).strip()
    none = np.zeros((0, 0))
    if pixels.ndim == 3:
        deep = pixels.astype(np.float64) if bits > 8 else pixels
        colour = brought(deep, (0, 2**bits - 1)) if bits > 8 else pixels.astype(np.uint8)
        return Opened(np.ascontiguousarray(colour[:, :, :3]), none, None, (0, 1), False, None)
    whole = np.issubdtype(pixels.dtype, np.integer)
    signed = bool(int(getattr(file, "PixelRepresentation", 0) or 0))
    values = _own_bits(file, pixels, bits, signed) if whole else pixels.astype(np.float64)
    if photometric == "PALETTE COLOR":
        return Opened(_palette(file, values), none, None, (0, 1), False, None)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if not whole:
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
    modality = _modality(file, frame, signed)
    ends = sorted(float(v) for v in modality(np.array([low, high])))
    padding = getattr(file, "PixelPaddingValue", None)
    if isinstance(padding, int) and signed and padding >= 2 ** (bits - 1):
        padding -= 2**16
    out = modality(values)
    return Opened(
        None, out, _windowed(file, frame, out), (ends[0], ends[1]), photometric == "MONOCHROME1",
        float(modality(np.array([padding]))[0]) if isinstance(padding, int) else None,
    )  # fmt: skip


def _own_bits(file: Any, pixels: np.ndarray, bits: int, signed: bool) -> np.ndarray:
    """Return stored values as int64: overlays in other bits are left out, the sign is that of the highest own bit."""
    values = pixels.astype(np.int64)
    if not file.file_meta.TransferSyntaxUID.is_compressed:  # decoders of packed pixels give the values themselves
        values >>= max(0, int(file.HighBit) + 1 - bits)
    values &= (1 << bits) - 1
    if signed:
        sign = 1 << (bits - 1)
        values = (values ^ sign) - sign
    return values


def _part(file: Any, frame: int, name: str, tag: str) -> Any:
    """Return the dataset that holds a tag for a frame: its own functional group, the shared one, or the file itself."""
    for groups, at in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        sequence = getattr(file, groups, None)
        if sequence and at < len(sequence) and getattr(sequence[at], name, None):
            part = getattr(sequence[at], name)[0]
            if tag in part:
                return part
    return file


class _Lookup:
    """A table of DICOM: values below its first entry take that, those above its last take the last."""

    def __init__(self, file: Any, item: Any, signed: bool) -> None:
        count, first, self.bits = (int(v) for v in item.LUTDescriptor)
        count = count or 1 << 16
        self.first = first - (1 << 16) if signed and first >= 1 << 15 else first
        data = item.LUTData
        if isinstance(data, (bytes, bytearray)):
            order = "<" if file.file_meta.TransferSyntaxUID.is_little_endian else ">"
            data = np.frombuffer(data, np.uint8 if len(data) < 2 * count else f"{order}u2")
        self.entries = np.asarray(data, np.float64)[:count]
        if not len(self.entries) or not 1 <= self.bits <= 16:
            raise ValueError("a lookup table without entries")

    def __call__(self, values: np.ndarray) -> np.ndarray:
        places = np.rint(values).astype(np.int64) - self.first
        return self.entries[np.clip(places, 0, len(self.entries) - 1)]


def _modality(file: Any, frame: int, signed: bool) -> Any:
    """Return what turns stored values into those of the modality, such as Hounsfield units."""
    if getattr(file, "ModalityLUTSequence", None):
        return _Lookup(file, file.ModalityLUTSequence[0], signed)
    told = _part(file, frame, "PixelValueTransformationSequence", "RescaleSlope")
    slope = getattr(told, "RescaleSlope", None)
    intercept = getattr(told, "RescaleIntercept", None)
    scale, shift = float(1 if slope is None else slope), float(intercept or 0)
    if scale == 0:
        scale = 1.0
    return lambda values: np.asarray(values, np.float64) * scale + shift


def _windowed(file: Any, frame: int, values: np.ndarray) -> np.ndarray | None:
    """Return uint8 [H, W] by the first VOI table or window that the file holds; None where it holds none."""
    if getattr(file, "VOILUTSequence", None):
        lookup = _Lookup(file, file.VOILUTSequence[0], bool(values.min() < 0))
        return brought(lookup(values), (0, 2**lookup.bits - 1))
    told = _part(file, frame, "FrameVOILUTSequence", "WindowCenter")
    center, width = (
        _first_number(getattr(told, "WindowCenter", None)),
        _first_number(getattr(told, "WindowWidth", None)),
    )
    if center is None or width is None:
        return None
    function = str(getattr(told, "VOILUTFunction", "LINEAR") or "LINEAR").strip().upper()
    if function == "SIGMOID" and width > 0:
        with np.errstate(over="ignore"):
            return brought(1 / (1 + np.exp(-4 * (values - center) / width)), (0, 1))
    if function == "LINEAR_EXACT" and width > 0:
        return brought(values, (center - width / 2, center + width / 2))
    if width < 1:
        return None
    return brought(values, (center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2))


def _first_number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if not isinstance(value, (int, float, str)):
        value = next(iter(value), None) if hasattr(value, "__iter__") else value
    return None if value is None else float(value)


def _palette(file: Any, values: np.ndarray) -> np.ndarray:
    """Return uint8 [H, W, 3] by the three tables of a palette."""
    from pydicom.pixels.processing import apply_color_lut

    found = apply_color_lut(values, file)[:, :, :3]
    if found.dtype == np.uint8:
        return np.ascontiguousarray(found)
    bits = int(file.RedPaletteColorLookupTableDescriptor[2])
    # 8 bits in words of 16 are written in their lower half by some, in their upper one by others
    return brought(found, (0, 255 if bits == 8 and found.max(initial=0) < 256 else 65535))
