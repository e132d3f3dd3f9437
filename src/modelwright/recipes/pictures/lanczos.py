"""Enlarged by Lanczos' kernel: a little sharper than the cubic."""

from __future__ import annotations

from modelwright.core.answers.base import TargetCodec
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.pictures._pictures import Enlarged, PictureBaseline, scale_of


class LanczosModel(Enlarged):
    """Enlarges by Lanczos' kernel of three lobes."""

    recipe = "lanczos"
    kernel = "lanczos"


class Lanczos(PictureBaseline):
    """Duchon 1979."""

    name = "lanczos"
    title = Words("Lanczos", "Lanczos 插值")
    rank = 1
    paper = "Duchon 1979"
    model = LanczosModel

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None if scale_of(schema) > 1 else Words("made for pictures that become larger", "用于放大图片")


RECIPE = Lanczos
