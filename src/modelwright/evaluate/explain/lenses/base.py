"""The contract of lenses: how one cell of a modality is named, shown small, and hidden part by part.

One file per modality in this folder; its name is the modality's. It defines `LENS`, a subclass of `Lens`. Explanations
hide the parts of a cell one by one (Zeiler & Fergus, arXiv 1311.2901); a lens says what its parts are.
"""

from __future__ import annotations

import base64
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import as_label
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words

LENSES = "modelwright.evaluate.explain.lenses"


@dataclass(frozen=True)
class Parts:
    """A cell taken apart: `whole` is the cell rebuilt from all `count` parts, `without(i)` the cell without one of them.

    Both are in the modality's canonical type. Parts lie on a grid of `rows` x `columns`, row by row from the upper left,
    or each on a stretch (start, end) of the cell's text: `spans`.
    """

    whole: Any
    count: int
    without: Callable[[int], Any]
    rows: int = 0
    columns: int = 0
    spans: tuple[tuple[int, int], ...] = ()


class Lens(ABC):
    """How cells of one modality are looked at. `texts` says that its cells are read as text, in which stretches are marked."""

    modality: ClassVar[str]
    texts: ClassVar[bool] = False

    def label(self, cell: Any) -> str:
        """Return a short name of a cell that quotes nothing of its content: the file's name, or kind and size."""
        if cell.get("path"):
            return PurePath(cell["path"]).name
        return f"{self.modality}, {_size(len(cell.get('bytes') or b''))}"

    def picture(self, cell: Any, side: int, found: Sequence[Mapping[str, Any]] = ()) -> str | None:
        """Return a small picture as a data URL, its longer side at most `side` pixels; None where there is none.

        A grid of parts lies on the whole picture; stretches of text (`found`: start, end, weight) are drawn into it
        where a modality has no other place for them. Raises Unreadable for a cell whose content has gone.
        """
        return None

    @abstractmethod
    def parts(self, cell: Any, most: int) -> Parts | None:
        """Take a cell apart into at most `most` parts; None where it cannot be. Raises Unreadable."""


@cache
def lens_of(modality: str) -> Lens | None:
    """Return the lens of a modality, or None for those of plain tables."""
    if modality not in names_in(LENSES):
        return None
    lens: type[Lens] = load_file(LENSES, modality, Words("modality", "模态")).LENS
    return lens()


def shown(value: Any, modality: str) -> str:
    """Return a cell as a short text for reports and answers: of media its name, of all else its value."""
    lens = lens_of(modality)
    if lens is not None and isinstance(value, (Mapping, list)):
        return lens.label(value)
    if isinstance(value, (bytes, Mapping)):
        return modality
    return as_label(value)


def _size(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def data_url(pixels: np.ndarray, kind: str = "PNG") -> str:
    """Return uint8 [H, W, 1 or 3] as a data URL, `PNG` or `JPEG`."""
    from PIL import Image

    held = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))
    picture.save(held, kind, **({"quality": 82} if kind == "JPEG" else {"optimize": True}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(held.getvalue()).decode()}"


def edges(length: int, count: int) -> np.ndarray:
    """Return where `count` nearly equal stretches of `length` begin and end [count + 1]."""
    return np.linspace(0, length, count + 1).round().astype(int)
