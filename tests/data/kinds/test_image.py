"""Pictures: every usual format is read, everything broken is named, nothing large is decoded."""

import base64
import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from modelwright.core.schema import MEDIA, Column, Schema
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import Unreadable, media
from modelwright.data.kinds.image import ImageKind, decode
from modelwright.data.sources import read
from pictures_made import deep_png

RED = np.zeros((20, 30, 3), np.uint8)
RED[:, :, 0] = 200
COLUMN = Column("x", "image")


def encoded(kind="PNG", pixels=RED, mode=None, **how):
    held = io.BytesIO()
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(held, kind, **how)
    return held.getvalue()


def cell(data):
    return {"path": None, "bytes": data, "digest": ""}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_the_usual_formats_are_read(kind):
    found = decode(cell(encoded(kind)))
    assert found.shape == (20, 30, 3)
    assert np.abs(found.reshape(-1, 3).mean(0) - [200, 0, 0]).max() < 8


def test_grey_stays_one_channel_and_sixteen_bits_come_down_to_eight():
    assert decode(cell(encoded(mode="L"))).shape == (20, 30, 1)
    deep = np.full((8, 8), 51400, np.uint16)
    assert decode(cell(encoded(pixels=deep))).tolist() == np.full((8, 8, 1), 200).tolist()


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("PNG", lambda a: (a * 65535).astype(np.uint16)),
        ("PNG", lambda a: (a * 4095).astype(np.uint16)),
        ("TIFF", lambda a: (a * 1023).astype(np.uint16)),
        ("TIFF", lambda a: a.astype(np.float32)),  # fractions
        ("TIFF", lambda a: (a * 255).astype(np.float32)),
        ("TIFF", lambda a: (a * 9e5 - 3e5).astype(np.int32)),  # no bits of a camera: by its own range
    ],
)
def test_a_deep_picture_of_no_column_is_read_by_the_bits_that_it_uses(kind, change):
    whole = np.linspace(0, 1, 400).reshape(20, 20)
    found = decode(cell(encoded(kind, pixels=change(whole))))[:, :, 0]
    assert np.abs(found - whole * 255).max() <= 1.5


def test_whole_numbers_of_eight_bits_in_deeper_files_stay_as_they_are():
    dark = np.arange(100, dtype=np.uint16).reshape(10, 10)
    assert (decode(cell(encoded(pixels=dark)))[:, :, 0] == dark).all()


def test_transparency_lies_on_white():
    clear = np.zeros((6, 6, 4), np.uint8)
    assert decode(cell(encoded(pixels=clear))).min() == 255


def test_cmyk_and_palettes_become_colours():
    assert decode(cell(encoded("JPEG", mode="CMYK"))).shape == (20, 30, 3)
    assert decode(cell(encoded("PNG", mode="P")))[0, 0, 0] > 150


def test_a_picture_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    assert decode(cell(encoded("JPEG", exif=exif))).shape == (30, 20, 3)


def test_of_an_animation_the_first_frame_is_read():
    frames = [Image.fromarray(np.full((10, 10, 3), v, np.uint8)) for v in (10, 250)]
    held = io.BytesIO()
    frames[0].save(held, "GIF", save_all=True, append_images=frames[1:])
    assert decode(cell(held.getvalue())).mean() < 60


def test_a_dicom_image_is_read_with_its_window():
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns, data.SamplesPerPixel = 4, 6, 1
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.PhotometricInterpretation = "MONOCHROME1"
    data.PixelData = np.arange(24, dtype=np.uint16).tobytes()
    held = io.BytesIO()
    data.save_as(held)
    found = decode(cell(held.getvalue()))
    assert found.shape == (4, 6, 1)
    assert found[0, 0, 0] == 255  # the darkest value of MONOCHROME1 is white
    with pytest.raises(Unreadable):
        decode(cell(held.getvalue()[:300]))


def _png_that_claims(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, encoded()[:60], encoded("JPEG")[:-200], b"GIF89a", b"hello, I am a text", encoded("WEBP")[:40]],
    ids=["empty", "zeros", "cut png", "cut jpeg", "gif head", "text", "cut webp"],
)
def test_what_is_no_whole_picture_is_named(data):
    with pytest.raises(Unreadable) as caught:
        decode(cell(data), 32)
    assert caught.value.words.zh
    assert "bytes" in caught.value.words.en


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded():
    tracemalloc.start()
    with pytest.raises(Unreadable, match="too many pixels"):
        decode(cell(_png_that_claims(50_000, 50_000)), 32)
    with pytest.raises(Unreadable, match="13000 x 10000"):
        decode(cell(_png_that_claims(13_000, 10_000)), 32)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_paths_bytes_and_data_urls_are_told_from_text(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded())
    url = "data:image/png;base64," + base64.b64encode(encoded()).decode()
    raw = pa.table(
        {
            "path": ["a.png", "b.png", None],
            "url": [url, url, url],
            "raw": pa.array([encoded(), b"broken", None]),
            "note": ["see a.png", "b", "c"],
        }
    )
    schema = infer_schema(raw)
    assert [schema[n].modality for n in ("path", "url", "note")] == ["image", "image", "text"]
    schema = infer_schema(raw, overrides={"raw": "image"})
    table, bad = coerce(raw, schema, folder=tmp_path)
    assert table.column("path").type == MEDIA
    assert {(b.row, b.column) for b in bad} == {(2, "path"), (2, "raw")}
    assert "b.png" in bad[0].words.en
    digests = [table.column(n)[0].as_py()["digest"] for n in ("path", "url", "raw")]
    assert len(set(digests)) == 1


def test_a_request_from_outside_cannot_name_a_file(tmp_path):
    (tmp_path / "secret.png").write_bytes(encoded())
    schema = infer_schema(pa.table({"x": ["a.png"]}), overrides={"x": "image"})
    for named in (str(tmp_path / "secret.png"), "file:///etc/passwd", "http://127.0.0.1/x.png", "../secret.png"):
        table, bad = coerce_rows([{"x": named}], schema)
        assert table.column("x").null_count == 1
        assert "data URL" in bad[0].words.en


def test_plain_base64_is_taken_where_paths_are_not():
    found = media(base64.b64encode(encoded()).decode(), None)
    assert found["bytes"] == encoded()


def test_what_has_other_bytes_has_another_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    assert media("a", tmp_path)["digest"] == media(b"1", None)["digest"] != media(b"2", None)["digest"]


def test_the_sample_shows_its_states():
    kind = ImageKind()
    a, b = (kind.read(c, COLUMN, Path()) for c in kind.sample([0, 2], 0))
    assert np.abs(decode(a).astype(int) - decode(b).astype(int)).max() > 100


def deep_folder(tmp_path, kind, change=lambda a: a.astype(np.uint16)):
    rng = np.random.default_rng(0)
    for label, more in (("a", 0), ("b", 120)):
        (tmp_path / label).mkdir()
        for i in range(8):
            pixels = 800 + rng.normal(0, 10, (12, 12))
            pixels[3:6, 3:6] += more
            data = encoded(kind, change(pixels))
            (tmp_path / label / f"{i}.{kind.lower()}").write_bytes(data)
    return read(tmp_path)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("PNG", lambda a: a.astype(np.uint16)),
        ("TIFF", lambda a: a.astype(np.uint16)),
        ("TIFF", lambda a: a.astype(">u2")),
        ("TIFF", lambda a: a.astype(np.float32)),
        ("TIFF", lambda a: (a / 4095).astype(np.float32)),
        ("TIFF", lambda a: a.astype(np.int32) - 1000),
        ("PNG", lambda a: (a / 4).astype(np.uint16)),  # of 10 bits
        ("PNG", lambda a: (a * 4).astype(np.uint16)),  # of 14 bits
    ],
)
def test_grey_of_any_depth_is_brought_to_eight_bits_by_one_range_for_a_column(tmp_path, kind, change):
    raw = deep_folder(tmp_path, kind, change)
    column = infer_schema(raw, target="label", folder=tmp_path)["image"]
    assert Column.from_json(column.to_json()).options == column.options  # as a bundle keeps it
    table, bad = coerce(raw, Schema((column,)), folder=tmp_path)
    assert not bad
    marks = [int(decode(c)[4, 4, 0]) for c in table.column("image").to_pylist()]
    ground = [int(decode(c)[9, 9, 0]) for c in table.column("image").to_pylist()]
    assert min(marks[8:]) - max(marks[:8]) > 60
    assert max(ground) - min(ground) < 80
    served, _ = coerce_rows([{"image": (tmp_path / "b" / f"0.{kind.lower()}").read_bytes()}], Schema((column,)))
    assert int(decode(served.column("image").to_pylist()[0])[4, 4, 0]) == marks[8]


def deep_tiff(values):
    """Return one line of colours [W, 3] as a TIFF of 16 bits a channel."""
    pixels = np.asarray(values, "<u2").tobytes()
    at = 8 + 2 + 9 * 12 + 4
    tags = [(256, 4, 1, len(values)), (257, 4, 1, 1), (258, 3, 3, at), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, at + 6),
            (277, 3, 1, 3), (278, 4, 1, 1), (279, 4, 1, len(pixels))]  # fmt: skip
    rows = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, 9) + rows + struct.pack("<IHHH", 0, 16, 16, 16) + pixels


@pytest.mark.parametrize(
    "data", [deep_png([[(4095, 0, 255)] * 3]), deep_png([[(4095, 0, 255, 65535)] * 3]), deep_tiff([(4095, 0, 255)] * 3)]
)
def test_colour_of_sixteen_bits_is_told_as_cut_to_eight(tmp_path, data):
    assert decode(cell(data))[0, 0].tolist() == [15, 0, 0]  # what is told: the upper half alone
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(encoded())
    (tmp_path / "a" / "2.png").write_bytes(data)
    reason = infer_schema(read(tmp_path), target="label", folder=tmp_path)["image"].reason
    assert "1 of 2 pictures" in reason.en
    assert "upper 8" in reason.en
    assert "2 张图片中有 1 张" in reason.zh
    (tmp_path / "a" / "3.png").write_bytes(encoded(pixels=np.full((8, 8), 900, np.uint16)))
    reason = infer_schema(read(tmp_path), target="label", folder=tmp_path)["image"].reason
    assert "grey values from" in reason.en
    assert "1 of 3 pictures" in reason.en


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_pictures_in_inks_are_told(tmp_path, kind):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(encoded())
    Image.new("RGB", (20, 30), (10, 90, 200)).save(tmp_path / "a" / f"plain.{kind.lower()}", kind)
    assert not infer_schema(read(tmp_path), target="label", folder=tmp_path)["image"].reason
    Image.new("CMYK", (20, 30), (200, 20, 0, 30)).save(tmp_path / "a" / f"inks.{kind.lower()}", kind)
    reason = infer_schema(read(tmp_path), target="label", folder=tmp_path)["image"].reason
    assert "1 of 3 pictures looked at is in CMYK, read as RGB" in reason.en
    assert "3 张图片中有 1 张为 CMYK" in reason.zh


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_frames_that_are_not_read_are_told_with_the_file(tmp_path, kind):
    other = Image.fromarray(np.full((20, 30, 3), 250, np.uint8))
    (tmp_path / "a").mkdir()
    for i in range(3):
        (tmp_path / "a" / f"{i}.png").write_bytes(encoded())
    (tmp_path / "a" / f"two.{kind.lower()}").write_bytes(encoded(kind, save_all=True, append_images=[other]))
    reason = infer_schema(read(tmp_path), target="label", folder=tmp_path)["image"].reason
    assert (
        f"1 of 4 pictures looked at has several frames or pages, of which the first alone is read (two.{kind.lower()})"
        in reason.en
    )
    assert f"4 张图片中有 1 张含多帧或多页，只读取第一帧（two.{kind.lower()}）" in reason.zh


def test_pictures_of_eight_bits_need_no_range(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(encoded())
    (tmp_path / "a" / "2.png").write_bytes(encoded(mode="L"))
    assert infer_schema(read(tmp_path), target="label", folder=tmp_path)["image"].options == {}
    assert infer_schema(read(tmp_path), target="label", folder=tmp_path)["image"].reason is None


def test_a_path_may_be_written_as_windows_does_or_as_a_file_url(tmp_path):
    place = tmp_path / "a b" / "猫 #1.png"
    place.parent.mkdir()
    place.write_bytes(encoded())
    for written in (
        r"a b\猫 #1.png",
        place.as_uri(),
        place.as_uri().replace("file://", "FILE://localhost"),
        str(place),
    ):
        found = media(written, tmp_path)
        assert found is not None
        assert found["path"] == str(place)
    odd = tmp_path / r"x\y.png"  # a name may hold the sign itself
    odd.write_bytes(encoded())
    assert media(r"x\y.png", tmp_path)["path"] == str(odd)
    with pytest.raises(Unreadable, match="there is no file"):
        media(r"a b\dog.png", tmp_path)
    for outside in (place.as_uri(), r"a b\猫 #1.png"):
        with pytest.raises(Unreadable, match="data URL"):
            media(outside, None)
