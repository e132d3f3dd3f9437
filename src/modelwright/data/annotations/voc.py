"""PASCAL VOC XML: a file for each picture with `object`s and their `bndbox` in pixels (Everingham et al. 2010)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from modelwright.core.errors import DataError
from modelwright.core.words import Words
from modelwright.data.annotations.base import PICTURES, Box, Format, Marked, number, pictures_below

_NAMES = ("JPEGImages", "images", "Images", "imgs")


class _Plain(ElementTree.TreeBuilder):
    """Builds a tree of XML that declares no document type, in whichever encoding: entities can grow without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ElementTree.ParseError("it declares a document type")


class Voc(Format):
    """A folder with `Annotations/` beside `JPEGImages/`, or XML files beside their pictures; or a list of names as
    `ImageSets/Main/train.txt` holds it, for some of them.

    Where no coordinate of a source is 0 and some are 1, its pixels are counted from 1, as VOC's own are.
    """

    title = Words("PASCAL VOC XML", "PASCAL VOC XML")
    first = 20

    def fits(self, path: Path) -> bool:
        if path.is_file():
            return path.suffix.lower() == ".txt" and _root(path) is not None
        return (
            path.is_dir() and (next(path.glob("Annotations/*.xml"), None) or next(path.glob("*.xml"), None)) is not None
        )

    def sure(self, path: Path) -> bool:
        if path.is_dir():
            return True
        root = _root(path)
        with path.open(encoding="utf-8-sig", errors="replace") as f:
            name = (f.readline().split() or [""])[0]
        return root is not None and bool(name) and (root / "Annotations" / f"{name}.xml").is_file()

    def read(self, path: Path) -> list[Marked]:
        root = _root(path) if path.is_file() else path
        assert root is not None
        where = root / "Annotations" if (root / "Annotations").is_dir() else root
        pictures = {p.stem: p for name in _NAMES if (root / name).is_dir() for p in pictures_below(root / name)}
        pictures = pictures or {p.stem: p for p in sorted(where.iterdir()) if p.suffix.lower() in PICTURES}
        names = _names_in(path) if path.is_file() else sorted({*pictures, *(p.stem for p in where.glob("*.xml"))})
        out = []
        for name in names:
            file = where / f"{name}.xml"
            if not file.is_file() and name not in pictures:
                raise DataError(
                    f"{path} names `{name}`, but there is neither {file} nor a picture of that name.",
                    f"{path} 列出了 `{name}`，但既没有 {file}，也没有同名图片。",
                )
            shown = str(pictures.get(name, root / f"{name}.jpg"))
            # a picture without a file of boxes is one without boxes
            out.append(_read_boxes(file, shown) if file.is_file() else Marked(name, shown, []))
        return _from_zero(out)


def _root(path: Path) -> Path | None:
    """Return the folder that holds Annotations above a list of names."""
    return next((p for p in path.resolve().parents[:3] if (p / "Annotations").is_dir()), None)


def _names_in(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    names = [line.split()[0] for line in lines if line.strip()]
    if not names:
        raise DataError(f"{path} lists no picture.", f"{path} 没有列出任何图片。")
    return names


def _read_boxes(file: Path, picture: str) -> Marked:
    data = file.read_bytes()
    try:
        root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_Plain()))  # noqa: S314 - see _Plain
    except (ElementTree.ParseError, ValueError) as e:
        raise DataError(
            f"{file} is not a complete XML file of boxes ({e}).", f"{file} 不是完整的标注 XML 文件（{e}）。"
        ) from e
    boxes: list[Box] = []
    for i, thing in enumerate(root.iter("object"), 1):
        name, place = (thing.findtext("name") or "").strip(), f"object {i}"
        found = thing.find("bndbox")
        if not name or found is None:
            raise DataError(
                f"{file}, {place}: expected a name and a bndbox, one of them is absent.",
                f"{file}，{place}：应有 name 与 bndbox，缺少其一。",
            )
        sides = [number(found.findtext(k), file, place, k) for k in ("xmin", "ymin", "xmax", "ymax")]
        hard = (thing.findtext("difficult") or "0").strip() == "1"
        boxes.append({"box": sides, "label": name, **({"crowd": True} if hard else {})})
    told = root.findtext("size/width"), root.findtext("size/height")
    size = (
        (int(float(told[0])), int(float(told[1]))) if told[0] and told[1] and told[0].strip() not in ("", "0") else None
    )
    places = [Words(f"{file.name}, object {i}", f"{file.name} 第 {i} 个 object") for i in range(1, len(boxes) + 1)]
    return Marked(file.name, picture, boxes, size, places=places)


def _from_zero(found: list[Marked]) -> list[Marked]:
    least = min((v for m in found for b in m.boxes for v in b["box"][:2]), default=0.0)
    if least == 1.0:
        for m in found:
            for b in m.boxes:
                b["box"] = [b["box"][0] - 1, b["box"][1] - 1, b["box"][2], b["box"][3]]
    return found


FORMAT = Voc
