"""What files carry beside what they show: found, counted, and gone from the copy, while the pictures stay as they are."""

import io

import pytest

from modelwright.core.errors import OptionError
from modelwright.privacy.files import clean_folder, cleaned
from modelwright.privacy.media import media_found, private_in
from modelwright.privacy.pseudonyms import Pseudonyms

Image = pytest.importorskip("PIL.Image")
KEY = b"k" * 32


def jpeg(artist: str = "Jane Canary") -> bytes:
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = artist, 6
    position = exif.get_ifd(0x8825)
    position[1], position[2], position[3], position[4] = "N", (48.0, 51.0, 30.0), "E", (2.0, 17.0, 40.0)
    held = io.BytesIO()
    Image.linear_gradient("L").resize((32, 20)).convert("RGB").save(held, "jpeg", exif=exif, comment=b"canary comment")
    return held.getvalue()


def png() -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info, held = PngInfo(), io.BytesIO()
    info.add_text("Author", "Jane Canary 13812345678")
    Image.linear_gradient("L").resize((16, 16)).save(held, "png", pnginfo=info)
    return held.getvalue()


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in" / "client 13912345678"
    place.mkdir(parents=True)
    (place / "u_13812345678.jpg").write_bytes(jpeg())
    (tmp_path / "in" / "plain.png").write_bytes(png())
    Image.linear_gradient("L").resize((8, 8)).save(tmp_path / "in" / "old.bmp")
    (tmp_path / "in" / "notes.txt").write_text("canary")
    return tmp_path / "in"


def pixels(path) -> bytes:
    with Image.open(path) as picture:
        return picture.convert("RGB").tobytes()


def test_pictures_lose_what_they_carry_and_nothing_of_what_they_show(folder, tmp_path):
    assert {k for k, _ in private_in(jpeg())} == {"gps", "person"}
    done = clean_folder(folder, tmp_path / "out", pseudonyms=Pseudonyms(KEY))
    written = sorted(p for p in (tmp_path / "out").rglob("*") if p.is_file())
    whole = b"".join(p.read_bytes() + str(p).encode() for p in written)
    for gone in (b"anary", b"13812345678", b"13912345678", b"comment"):
        assert gone not in whole
    assert (done.files, done.skipped, done.renamed) == (3, 1, 2)
    assert done.found == {"gps": 1, "person": 1}
    names = {p.name: p for p in written}
    assert pixels(names["plain.png"]) == pixels(folder / "plain.png")
    assert pixels(names["old.bmp"]) == pixels(folder / "old.bmp")
    photo = next(p for p in written if p.suffix == ".jpg")
    assert pixels(photo) == pixels(next(folder.rglob("*.jpg")))
    with Image.open(photo) as picture:
        assert dict(picture.getexif()) == {0x0112: 6}  # which side is up stays
    assert photo.name == f"u_{Pseudonyms(KEY).of('phone', '13812345678')}.jpg"
    said = " ".join(w.en for w in done.lines())
    assert "1 position taken out of files" in said
    assert "anary" not in said + str(done.to_json())


def frames(data):
    from PIL import ImageSequence

    with Image.open(io.BytesIO(data)) as picture:
        return [(f.convert("RGB").tobytes(), f.size, f.info.get("duration")) for f in ImageSequence.Iterator(picture)]


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "tiff"])
def test_what_follows_a_picture_or_stands_among_its_frames_goes_and_frames_stay(tmp_path, kind):
    pictures = [Image.linear_gradient("L").resize((24, 16)).rotate(90 * i).convert("RGB") for i in range(3)]
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = "Jane Canary", 6
    many = kind in ("webp", "gif", "tiff")
    more = {"save_all": True, "append_images": pictures[1:], "duration": 70, "loop": 0} if many else {}
    more |= {"exif": exif} if kind != "gif" else {"comment": b"canary comment"}
    more |= {"lossless": True} if kind == "webp" else {}
    pictures[0].save(held := io.BytesIO(), kind, **more)
    data = held.getvalue()
    if kind != "tiff":  # whose parts may stand anywhere: it is written anew
        data += b"canary film" + jpeg()
    path = tmp_path / f"a.{kind}"
    clean = cleaned(data, path)
    assert b"anary" in data
    assert b"anary" not in clean
    assert frames(clean) == frames(data)
    assert len(frames(clean)) == (3 if many else 1)
    if kind not in ("gif", "tiff"):
        with Image.open(io.BytesIO(clean)) as picture:
            assert picture.getexif().get(0x0112) == 6  # which side is up stays
    if kind in ("gif", "webp"):
        with Image.open(io.BytesIO(clean)) as picture:
            assert picture.info["loop"] == 0


def test_what_cannot_be_copied_is_told(folder, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(OptionError, match="exists already"):
        clean_folder(folder, tmp_path / "out")
    with pytest.raises(OptionError, match="lies inside"):
        clean_folder(folder, folder / "deeper")
    (folder / "broken.gif").write_bytes(b"GIF89a")
    with pytest.raises(OptionError, match="is not a complete picture"):
        clean_folder(folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_column_of_pictures_is_told_by_type_with_masked_examples(tmp_path):
    import pyarrow as pa

    cells = [{"path": None, "bytes": jpeg(f"Jane Canary{i}")} for i in range(3)]
    found = {f.type: f for f in media_found("photo", pa.array(cells))}
    assert found["gps"].rows == found["person"].rows == 3
    assert found["person"].values == 3
    assert "Canary" not in str([f.to_json() for f in found.values()])


def dicom() -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileMetaDataset

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = "1.2.3.4"
    made.PatientName, made.PatientID, made.PatientBirthDate = "Canary^Jane", "CANARY77", "19850317"
    made.InstitutionName, made.ReferringPhysicianName = "Canary Hospital", "Canary^Doctor"
    inner = Dataset()
    inner.PatientName = inner.AccessionNumber = "Canary"
    made.ReferencedPatientSequence = [inner]
    made.private_block(0x11, "canary maker", create=True).add_new(1, "LO", "canary private")
    made.Rows = made.Columns = 4
    made.BitsAllocated, made.BitsStored, made.HighBit, made.SamplesPerPixel = 8, 8, 7, 1
    made.PixelRepresentation, made.PhotometricInterpretation = 0, "MONOCHROME2"
    made.PixelData = bytes(range(16))
    held = io.BytesIO()
    made.save_as(held, enforce_file_format=True)
    return held.getvalue()


def test_dicom_files_lose_patient_staff_and_place_at_every_depth(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    (tmp_path / "in").mkdir()
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / "in" / name).write_bytes(dicom())
    assert {k for k, _ in private_in(dicom())} >= {"person", "medical-record", "birth-date", "place"}
    clean_folder(tmp_path / "in", tmp_path / "out", pseudonyms=Pseudonyms(KEY))
    whole = b"".join(p.read_bytes() for p in (tmp_path / "out").iterdir())
    assert b"anary" not in whole
    assert b"CANARY" not in whole
    a, b = (pydicom.dcmread(tmp_path / "out" / n) for n in ("a.dcm", "b.dcm"))
    assert str(a.PatientName) == str(b.PatientName) == Pseudonyms(KEY).of("person", "Canary^Jane")  # studies join
    assert a.PatientBirthDate == "19850101"
    assert a.PixelData == bytes(range(16))
    assert a.PatientIdentityRemoved == "YES"
