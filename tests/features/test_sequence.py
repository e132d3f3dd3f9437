"""Sequences in numbers: k-mers, places, ids."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.schema import Column
from modelwright.features._letters import kmer_counts, numbered
from modelwright.features.sequence import KmerTokens, SequenceDense, SequenceSparse, SequenceTensor
from modelwright.testing import check_codec

COLUMN = Column("s", "sequence", options={"letters": "nucleic"})
EQUAL = pa.array(["ACGTACGTAC", "TTGACANNGT", "GGGGGCCCCC", "UUGACAGGGU"])


@pytest.mark.parametrize("view", ["sparse", "dense", "tensor", "kmers"])
@pytest.mark.parametrize(
    "cells", [["ACGTAC", "GGTTAA", "ACGNNN"], ["ACG", "GGTTAAC", "A", ""], ["MKVLAW", "PQRS", "MK*X"]]
)
def test_codecs_hold_the_contract(view, cells):
    check_codec("sequence", view, pa.array([*cells, *cells, None]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ACGTUNacg", max_size=12).map(str.upper), min_size=1, max_size=6))
def test_kmers_are_counted_as_by_hand(texts):
    found = kmer_counts(pa.array(texts), "nucleic", (1, 3)).toarray()
    for row, text in zip(found, (t.replace("U", "T") for t in texts)):
        for start, k in ((0, 1), (4, 3)):
            wanted = np.zeros(4**k)
            for i in range(len(text) - k + 1):
                if "N" not in text[i : i + k]:
                    wanted[sum("ACGT".index(c) * 4 ** (k - 1 - j) for j, c in enumerate(text[i : i + k]))] += 1
            assert np.array_equal(row[start : start + 4**k], wanted)


def test_uracil_counts_as_thymine():
    assert np.array_equal(numbered(pa.array(["AUG"]), "nucleic")[0], numbered(pa.array(["ATG"]), "nucleic")[0])


def test_places_only_where_all_have_one_length():
    equal = SequenceSparse.fit(EQUAL, COLUMN, None, 0)
    other = SequenceSparse.fit(pa.array(["ACGT", "AC"]), COLUMN, None, 0)
    assert equal.length == 10
    assert other.length == 0
    grams = sum(4**k for k in range(1, 7))
    out = equal.encode(pa.array(["ACGTACGTAC", "ACGTACGTACGT", "AC", None])).toarray()
    assert out.shape == (4, grams + 1 + 40)
    assert out[0, grams + 1 :].sum() == pytest.approx(10 / 10**0.5)
    assert np.array_equal(out[0, grams + 1 :], out[1, grams + 1 :])  # what is longer is read as far
    assert (out[2, grams + 1 :] > 0).sum() == 2
    assert np.flatnonzero(out[3]).tolist() == [grams]


def test_trees_get_places_as_categories():
    codec = SequenceDense.fit(EQUAL, COLUMN, None, 0)
    out = codec.encode(pa.array(["ACGTACGTAC", "AC", None]))
    assert out.shape[1] == len(codec.categorical) == 1 + 84 + 10
    assert codec.categorical[-10:] == (True,) * 10
    assert out[0, -10:].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert np.isnan(out[1, -8:]).all()
    assert np.isnan(out[2]).all()
    assert out[0, 1:5].sum() == pytest.approx(1)


def test_proteins_have_charge_and_hydropathy():
    column = Column("s", "sequence", options={"letters": "protein"})
    out = SequenceDense("protein", 0).encode(pa.array(["KKKK", "DDII"]))
    assert SequenceDense.fit(pa.array(["MK", "M"]), column, None, 0).letters == "protein"
    assert out[0, -3] == pytest.approx(1)
    assert out[1, -3] == pytest.approx(-0.5)
    assert out[1, -4] == pytest.approx((-3.5 + 4.5) / 2)


def test_ids():
    out = SequenceTensor("nucleic").encode(pa.array(["ACGTN", None, ""]))["ids"]
    assert out.values.tolist() == [3, 4, 5, 6, 2, 1, 1]
    assert out.lengths.tolist() == [5, 1, 1]
    grams = KmerTokens("nucleic", 2).encode(pa.array(["ACNA", "A", None]))["ids"]
    assert grams.values.tolist() == [4, 2, 2, 1, 1]


def test_long_sequences_are_read_in_wider_steps():
    out = KmerTokens("nucleic", 3).encode(pa.array(["ACGT" * 600]))["ids"]
    assert 400 <= out.lengths[0] <= 512
