"""Units laid anew by a network: what it hears decides where each stands, the text decides which there are."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from modelwright.features.shared.speech import Front
from modelwright.features.shared.speech_units import Units
from modelwright.recipes.speech._laid_units import Laid
from modelwright.recipes.speech._states import HybridOptions, classes
from modelwright.train.labelled_frames import Told

UNITS = Units.fit(["ab", "ba", "cab"], "characters")


class Hears(nn.Module):
    """Takes the first band of a frame for the class of its sound."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, tensors):
        return {"sounds": 6.0 * F.one_hot(tensors["mel"][..., 0].long(), classes(UNITS))}


def laid(text, lengths):
    """Return a recording of a text, each half of a unit so many frames long, silence around it, laid evenly, and its true classes [S]."""
    ids = UNITS.encode([text]).values
    halves = [0, *(1 + 2 * int(UNITS.sounds()[i]) + k for i in ids for k in range(2)), 0]
    true = np.repeat(halves, [5, *lengths, 5])
    even = np.repeat(halves, [5, *[sum(lengths) // len(lengths)] * len(lengths), 5])
    mel = np.tile(true[:, None], (1, 4)).astype(np.float32)
    return Told(mel, np.zeros((len(true), 3), np.float32), even, even * 0), ids, true


def test_a_network_moves_what_was_laid_evenly_to_where_it_sounds():
    made = [laid("ab", [3, 9, 14, 2]), laid("cab", [2, 2, 12, 4, 4, 6])]
    assert all((row.sound != true).mean() > 0.2 for row, _, true in made)
    before = Laid(
        Front(8000, 4), UNITS, [r for r, _, _ in made], [i for _, i, _ in made], ["ab", "cab"], HybridOptions()
    )
    for row, (_, _, true) in zip(before.again(Hears()).rows, made, strict=True):
        assert row.sound.tolist() == true.tolist()


def test_what_the_text_does_not_say_is_never_laid():
    row, ids, _ = laid("ab", [5, 5, 5, 5])
    row.mel[12:16] = 1 + 2 * int(UNITS.sounds()[UNITS.encode(["c"]).values[0]])
    (after,) = Laid(Front(8000, 4), UNITS, [row], [ids], ["ab"], HybridOptions()).again(Hears()).rows
    assert set(after.sound.tolist()) <= {0, *(1 + 2 * int(UNITS.sounds()[i]) + k for i in ids for k in range(2))}
