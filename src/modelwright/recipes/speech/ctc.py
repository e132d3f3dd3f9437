"""Convolutions and a bidirectional LSTM, trained with CTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.words import Words
from modelwright.recipes.speech._ctc_recipe import CtcRecipe
from modelwright.recipes.speech._frames import FrameModel


class CtcModel(FrameModel):
    """A trained recogniser."""

    recipe = "ctc"


class Ctc(CtcRecipe):
    """Two convolutions that halve time and bands, then two layers of LSTM in both directions."""

    name = "ctc"
    title = Words("convolutions and BiLSTM with CTC", "卷积与双向 LSTM（CTC）")
    rank = 20
    paper = "Graves et al. 2006, doi 10.1145/1143844.1143891"
    model = CtcModel
    sized: ClassVar[Mapping[str, Any]] = {"encoder": "lstm"}


RECIPE = Ctc
