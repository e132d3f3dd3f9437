"""What the recipes that make pictures of pictures share: reading pairs, the model that answers and judges itself, simple baselines.

Legend: H height, W width, C channels, N rows, s scale.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.media import file_json
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.colour import in_channels
from modelwright.data.image_quality import bordered, figures, fitted
from modelwright.data.kinds.image import decode
from modelwright.data.resize import resized, to_bytes
from modelwright.recipes.shared.perceptual_judge import looked, looks
from modelwright.recipes.shared.pictures import png

TASKS = frozenset({"image-to-image"})


@dataclass(frozen=True)
class Geometry:
    """What pairs have in common: how many times as large the wanted picture is, and the channels (1 or 3) of both."""

    scale: int
    given: int
    wanted: int

    @classmethod
    def of(cls, table: Table) -> Geometry:
        """Return it from what the task found out, else from the first pair."""
        options = table.schema.inputs[0].options
        if "scale" in options:
            return cls(int(options["scale"]), *(int(c) for c in options["channels"]))
        for given, wanted in pairs(table):
            return cls(max(1, wanted.shape[0] // given.shape[0]), given.shape[2], wanted.shape[2])
        return cls(1, 3, 3)


def pairs(table: Table) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pixels [H, W, C] of each pair, given and wanted, one at a time; rows that lack one are passed over. Raises Unreadable."""
    target = table.schema.target
    assert target is not None
    for given, wanted in zip(table.column(table.schema.inputs[0].name), table.column(target.name), strict=True):
        if given.is_valid and wanted.is_valid:
            yield decode(given.as_py()), decode(wanted.as_py())


def pair_of(table: Table, i: int, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of one pair in the channels of all: the given ones [H, W, C], and the wanted ones cut to [s H, s W, C'], s the scale.

    Raises Unreadable where one is no picture.
    """
    target = table.schema.target
    assert target is not None
    given, wanted = (decode(table.column(n)[i].as_py()) for n in (table.schema.inputs[0].name, target.name))
    height, width = (side * geometry.scale for side in given.shape[:2])
    cut = fitted(wanted, height, width)
    return in_channels(given, geometry.given), in_channels(wanted if cut is None else cut, geometry.wanted)


class PictureModel(Model):
    """A model that makes a picture of each picture. `state` are JSON values."""

    def __init__(self, geometry: Geometry, state: dict[str, Any]) -> None:
        self.geometry, self.state = geometry, state
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def made(self, pixels: np.ndarray) -> np.ndarray:
        """Return the picture [H*s, W*s, K] uint8 that is made of pixels [H, W, C] uint8."""

    def of_cell(self, cell: Any) -> np.ndarray:
        """Return the picture [H*s, W*s, K] uint8 that is made of a media cell."""
        return self.made(in_channels(decode(cell), self.geometry.given))

    def scores(self, table: Table) -> np.ndarray:
        column = table.column(table.schema.inputs[0].name)
        return as_objects(
            [file_json("image/png", png(self.of_cell(c.as_py()))) if c.is_valid else None for c in column]
        )[:, None]

    def judge(self, table: Table) -> np.ndarray:
        """Return the figures of each row [N, 1], LPIPS among them where a network looks; every picture is let go once it was compared."""
        return self.judged(table, looks())

    def judged(self, table: Table, seen: bool) -> np.ndarray:
        """Return the figures of each row [N, 1]; `seen` says whether a network is to look at them as well."""
        target = table.schema.target
        assert target is not None
        out: list[Any] = []
        border = self.geometry.scale if self.geometry.scale > 1 else 0
        for given, wanted in zip(table.column(table.schema.inputs[0].name), table.column(target.name), strict=True):
            known = given.is_valid and wanted.is_valid
            if not known:
                out.append(None)
                continue
            made, good = self.of_cell(given.as_py()), decode(wanted.as_py())
            found = figures(made, good, border)
            pair = bordered(made, good, border) if seen else None
            out.append({"figures": found if pair is None else found | looked(*pair)})
        return as_objects(out)[:, None]

    @classmethod
    def from_session(cls, session: Any, folder: Path, target: TargetCodec) -> PictureModel:
        """Return a model that answers with an exported graph; `folder` holds what the pictures have in common."""
        with Loading(folder):
            return Exported(session, geometry_of(read_state(folder)["geometry"]))

    @property
    def objects_about(self) -> str:
        """What an exported graph takes and gives, for the export's README."""
        from modelwright.recipes.pictures._onnx import ABOUT

        return ABOUT

    def save(self, folder: Path) -> None:
        write_state(folder, {"geometry": list(self.geometry.__dict__.values()), **self.state})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> PictureModel:
        with Loading(folder):
            state = read_state(folder)
            return cls(geometry_of(state.pop("geometry")), state)


def geometry_of(told: Any) -> Geometry:
    scale, given, wanted = (int(v) for v in told)
    if not 1 <= scale <= 8 or given not in (1, 3) or wanted not in (1, 3):
        raise ValueError("a scale or channels that cannot be")
    return Geometry(scale, given, wanted)


class Enlarged(PictureModel):
    """Enlarges by one kernel."""

    recipe = "bicubic"
    kernel = "bicubic"

    def made(self, pixels: np.ndarray) -> np.ndarray:
        s = self.geometry.scale
        if s > 1:
            pixels = to_bytes(resized(pixels, pixels.shape[0] * s, pixels.shape[1] * s, float(s), self.kernel))
        return in_channels(pixels, self.geometry.wanted)

    def objects_graph(self) -> Any:
        """Return the enlargement of a picture of any size as an ONNX graph, from bytes to bytes."""
        from modelwright.recipes.pictures._onnx import graph_of

        g = self.geometry
        return graph_of(None, g.scale, g.given, g.wanted, kernel=self.kernel)


class Exported(PictureModel):
    """Answers with an exported graph."""

    recipe = "onnx"

    def __init__(self, session: Any, geometry: Geometry) -> None:
        from modelwright.recipes.pictures._onnx import Session

        super().__init__(geometry, {})
        self.session = Session(session, geometry.scale, geometry.wanted)

    def made(self, pixels: np.ndarray) -> np.ndarray:
        return self.session.made(pixels)


class PictureBaseline(Recipe):
    """A recipe that learns nothing of the pictures but their geometry."""

    paper: ClassVar[str] = ""
    needs, extra = (), ""
    baseline = True
    seeded = False
    options = Options
    space: ClassVar[dict[str, Any]] = {}
    tasks = TASKS
    model: ClassVar[type[Model]]

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(seconds=0.2, memory=200 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        made: Any = self.model
        model: Model = made(Geometry.of(train), {})
        return model


def scale_of(schema: Schema) -> int:
    """Return how many times as large the wanted pictures are, as far as it is known before a fit."""
    return int(schema.inputs[0].options.get("scale", 1)) if schema.inputs else 1
