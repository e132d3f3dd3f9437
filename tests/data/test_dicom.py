"""DICOM as a reader sees it: modality values before the window, colour as colour, the bits that are the values' own."""

import io

import numpy as np
import pytest

from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.image import ImageKind, decode
from modelwright.data.sources import read

pydicom = pytest.importorskip("pydicom")
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset  # noqa: E402


def made(pixels, **tags):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape[-2:] if tags.get("SamplesPerPixel", 1) == 1 else pixels.shape[-3:-1]
    deep = pixels.dtype.itemsize == 2
    data.BitsAllocated, data.BitsStored, data.HighBit = (16, 12, 11) if deep else (8, 8, 7)
    data.PixelRepresentation = 0
    for name, value in tags.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    held = io.BytesIO()
    data.save_as(held, enforce_file_format=True)
    return held.getvalue()


def seen(pixels, how=None, **tags):
    data = made(pixels, **tags)
    return decode({"path": None, "bytes": data, "digest": "", "how": how})[..., 0].tolist()


def words(*values):
    return np.array([values], np.uint16)


CT = {"RescaleSlope": 2, "RescaleIntercept": -1024}


def test_the_window_is_laid_over_rescaled_values():
    # Hounsfield units -60, 40, 140 under a window of 40 +- 100
    dark, middle, bright = seen(words(482, 532, 582), **CT, WindowCenter=40, WindowWidth=201)[0]
    assert (dark <= 1, 126 <= middle <= 129, bright >= 254) == (True, True, True)
    assert seen(words(0, 4095), **CT, WindowCenter=40, WindowWidth=201) == [[0, 255]]
    assert seen(words(0, 4095), **CT, WindowCenter=["40", "400"], WindowWidth=["201", "1500"]) == [[0, 255]]


def test_windows_of_other_functions():
    half = seen(words(100), WindowCenter=100, WindowWidth=50, VOILUTFunction="SIGMOID")[0][0]
    assert half == 127
    exact = seen(words(75, 100, 125), WindowCenter=100, WindowWidth=50, VOILUTFunction="LINEAR_EXACT")
    assert exact == [[0, 127, 255]]


def test_without_a_window_the_stored_range_not_each_picture_its_own():
    assert seen(words(0, 819, 4095)) == [[0, 51, 255]]
    assert seen(words(800, 819)) == [[49, 51]]
    assert seen(words(800, 820), how='{"range": [800, 820]}') == [[0, 255]]
    assert seen(words(800, 820), how='{"range": [0, 1]}', WindowCenter=810.5, WindowWidth=21) == [[0, 255]]


def test_signed_values_of_twelve_bits_and_overlays_in_the_others():
    stored = words(0xF800, 0x0FFF, 0x0000, 0x07FF)  # -2048, -1 without its sign in the upper bits, 0, 2047
    assert seen(stored, PixelRepresentation=1) == [[0, 127, 127, 255]]
    assert seen(words(0xF000, 0x1FFF)) == [[0, 255]]
    assert seen(words(0x0000, 0x8000, 0xFFF0), HighBit=15) == [[0, 127, 255]]


def test_monochrome1_is_turned_round_after_the_window():
    assert seen(words(0, 4095), PhotometricInterpretation="MONOCHROME1") == [[255, 0]]
    assert seen(words(30, 170), PhotometricInterpretation="MONOCHROME1", WindowCenter=100, WindowWidth=100) == [
        [255, 0]
    ]


def test_tables_of_values():
    voi = Dataset()
    voi.LUTDescriptor, voi.LUTData = [3, 10, 8], np.array([0, 200, 255], "<u2").tobytes()
    assert seen(words(9, 11, 90), VOILUTSequence=[voi]) == [[0, 200, 255]]
    modality = Dataset()
    modality.LUTDescriptor, modality.LUTData, modality.ModalityLUTType = (
        [2, 0, 16],
        np.array([100, 300], "<u2").tobytes(),
        "US",
    )
    assert seen(words(0, 1), ModalityLUTSequence=[modality], WindowCenter=200.5, WindowWidth=201) == [[0, 255]]


def test_a_palette_is_colour():
    for depth, top in ((8, 255), (16, 65535)):
        tables = {}
        for name, value in (("Red", [0, top]), ("Green", [top, 0]), ("Blue", [0, 0])):
            tables[f"{name}PaletteColorLookupTableDescriptor"] = [2, 0, depth]
            tables[f"{name}PaletteColorLookupTableData"] = np.array(value, f"u{depth // 8}").tobytes()
        data = made(np.array([[0, 1]], np.uint8), PhotometricInterpretation="PALETTE COLOR", **tables)
        found = decode({"path": None, "bytes": data, "digest": ""})
        assert found.tolist() == [[[0, 255, 0], [255, 0, 0]]]


def test_colour_of_more_than_eight_bits_is_not_cut_off():
    pixels = np.array([[[4095, 0, 2048]]], np.uint16)
    data = made(pixels, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    assert decode({"path": None, "bytes": data, "digest": ""}).tolist() == [[[255, 0, 127]]]


def test_of_several_frames_the_representative_or_the_middle_one_by_its_own_window():
    frames = np.stack([np.full((2, 2), v, np.uint16) for v in (0, 1000, 4000)])
    assert seen(frames, NumberOfFrames=3)[0][0] == 62
    assert seen(frames, NumberOfFrames=3, RepresentativeFrameNumber=3)[0][0] == 249
    groups = []
    for center in (0, 1000.5, 0):
        window, group = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = center, 101
        group.FrameVOILUTSequence = [window]
        groups.append(group)
    assert seen(frames, NumberOfFrames=3, PerFrameFunctionalGroupsSequence=groups)[0][0] == 127


def test_a_column_without_windows_settles_one_range(tmp_path):
    for kind, level in (("a", 700), ("b", 900)):
        (tmp_path / kind).mkdir()
        for i in range(6):
            pixels = np.full((8, 8), 1000 + i, np.uint16)
            pixels[2:4, 2:4] = level
            padded = np.where(np.arange(64).reshape(8, 8) < 8, 0, pixels).astype(np.uint16)
            (tmp_path / kind / f"{i}.dcm").write_bytes(made(padded, PixelPaddingValue=0))
    raw = read(tmp_path)
    column = infer_schema(raw, target="label", folder=tmp_path)["image"]
    low, high = column.options["range"]
    assert 600 < low < 700
    assert 1005 < high < 1100
    assert "read as 0 to 255" in column.reason.en
    cells = [ImageKind().read(p, column, tmp_path) for p in raw["image"].to_pylist()]
    levels = {decode(c)[2, 2, 0].item() for c in cells}
    assert len(levels) == 2
    assert max(levels) - min(levels) > 100


def test_a_file_deflated_as_a_whole_is_refused():
    data = made(words(1)).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    with pytest.raises(Unreadable, match="deflated"):
        decode({"path": None, "bytes": data, "digest": ""})
