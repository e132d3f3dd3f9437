"""Pictures like those of the data, of a label where there are labels."""

from __future__ import annotations

from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.tasks._generation import Generation


class UnconditionalImageGeneration(Generation):
    """The name is the field's; a column of labels makes it conditional on a class."""

    name = "unconditional-image-generation"
    title = Words("image generation", "图像生成")
    condition = "category"

    def _asks(self, column: Column) -> bool:
        return column.modality in ("category", "number", "boolean") or column.name.lower() == "label"


TASK = UnconditionalImageGeneration
