"""DNA, RNA and proteins: recognised beside words, codes and ids."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema
from modelwright.data.coerce import coerce
from modelwright.data.kinds.base import Unreadable, recognise
from modelwright.data.kinds.sequence import SequenceKind

KIND = SequenceKind()
RNG = np.random.default_rng(0)
DNA = ["".join(RNG.choice(list("ACGT"), 20)) for _ in range(40)]
PROTEINS = ["M" + "".join(RNG.choice(list("ACDEFGHIKLMNPQRSTVWY"), n)) for n in range(30, 70)]


def cells(values):
    return pa.chunked_array([pa.array(list(values), pa.string())])


def test_nucleotides_are_recognised():
    assert recognise("x", cells(DNA)) == ("sequence", {"letters": "nucleic"})
    assert recognise("x", cells(d.lower() for d in DNA)) == ("sequence", {"letters": "nucleic"})
    assert recognise("x", cells(d.replace("T", "U") for d in DNA)) == ("sequence", {"letters": "nucleic"})
    assert recognise("dna", cells(d[:6] for d in DNA)) == ("sequence", {"letters": "nucleic"})


def test_proteins_are_recognised():
    assert recognise("x", cells(PROTEINS)) == ("sequence", {"letters": "protein"})
    assert recognise("protein", cells(p[:16] for p in PROTEINS)) == ("sequence", {"letters": "protein"})


@pytest.mark.parametrize(
    "values",
    [
        [d[:6] for d in DNA],  # short, and the name says nothing
        ["A" * n for n in range(15, 40)],
        ["characteristics", "representatives", "intellectually", "distinctiveness", "acknowledgement"],
        ["THE PARCEL IS LATE AGAIN", "WHERE IS MY MONEY PLEASE"],
        [p[:20] for p in PROTEINS],  # codes of one length
        ["Gattaca Gattaca Gattaca", "Where Is My Parcel Please"],
        [f"AC{i:014d}" for i in range(40)],
        [None, ""],
    ],
)
def test_words_and_codes_are_not(values):
    assert KIND.recognise("x", cells(values)) is None


def test_reading():
    column = Column("s", "sequence", options={"letters": "nucleic"})
    assert KIND.read(" acg\ntn ", column, None) == "ACGTN"
    assert KIND.read("", column, None) is None
    with pytest.raises(Unreadable, match="`Q` at place 4") as caught:
        KIND.read("ACGQ", column, None)
    assert "核苷酸" in caught.value.words.zh
    assert KIND.read("mkvq*", Column("s", "sequence", options={"letters": "protein"}), None) == "MKVQ*"


def test_bad_rows_are_named():
    column = Column("s", "sequence", options={"letters": "nucleic"})
    _, bad = coerce(pa.table({"s": ["ACGT", "hello", "ACG1"]}), Schema((column,)))
    assert [b.row for b in bad] == [2, 3]
