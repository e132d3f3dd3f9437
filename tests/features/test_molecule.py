"""Molecules in numbers: descriptors, fingerprints, graphs, tokens."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column
from modelwright.features._smiles import SmilesTokens
from modelwright.features.molecule import MoleculeDense, MoleculeGraph, MoleculeSparse
from modelwright.features.shared.chemistry import BOND_KINDS, DESCRIPTORS, FOLDED, SLOTS, facts, graph
from modelwright.testing import check_codec

COLUMN = Column("m", "molecule")
SMILES = ["CCO", "Cc1ccccc1", "CC(=O)Nc1ccc(O)cc1", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "FS(F)(F)(F)(F)F", "C"]
VALUES = pa.array([*SMILES, None])


@pytest.mark.parametrize("view", ["sparse", "dense", "tensor", "tokens"])
def test_codecs_hold_the_contract(view):
    check_codec("molecule", view, VALUES)


def test_descriptors_are_those_of_the_molecule():
    found = facts("CCO")
    assert found.descriptors.shape == (DESCRIPTORS,)
    assert found.descriptors[2] == pytest.approx(46.07, abs=0.01)  # weight
    assert found.descriptors[3] == pytest.approx(20.23, abs=0.01)  # polar surface
    assert found.descriptors[5:9].tolist() == [1, 1, 0, 3]  # donors, acceptors, rotatable bonds, atoms
    assert facts("c1ccc") is None


def test_trees_get_few_enough_columns_and_know_what_is_missing():
    many = pa.array(
        [f"{'C' * i}c1ccc({'O' * j}C)cc1{'N' * (i % 3)}" for i in range(1, 9) for j in range(1, 9)] + [None]
    )
    codec = MoleculeDense.fit(many, COLUMN, None, 0)
    out = codec.encode(many)
    assert DESCRIPTORS < out.shape[1] <= 600
    assert len(codec.categorical) == out.shape[1]
    assert np.isnan(out[-1]).all()
    assert np.isfinite(out[0, DESCRIPTORS:]).all()


def test_sparse_is_standardised_and_marks_the_missing():
    codec = MoleculeSparse.fit(VALUES, COLUMN, None, 0)
    out = codec.encode(VALUES).toarray()
    assert out.shape[1] == DESCRIPTORS + 1 + FOLDED
    assert np.flatnonzero(out[-1]).tolist() == [DESCRIPTORS]
    assert np.abs(out[:, :DESCRIPTORS]).max() <= 5


def test_bonds_point_back_at_each_other():
    for smiles in SMILES:
        atoms, slots = graph(smiles)
        assert (atoms[:, 0] == 1).all()
        for a in range(len(atoms)):
            for k in range(SLOTS):
                neighbour, code, back = slots[a, k]
                assert (neighbour == 0) == (code == 0)
                assert 0 <= code < BOND_KINDS
                if neighbour:
                    assert slots[neighbour - 1, back].tolist() == [a + 1, code, k]


def test_graphs_are_ragged_by_atoms_and_never_empty():
    out = MoleculeGraph.fit(VALUES, COLUMN, None, 0).encode(VALUES)
    assert out["atoms"].lengths.tolist() == [3, 7, 11, 6, 2, 7, 1, 1]
    for name in ("neighbours", "bonds", "back"):
        assert np.array_equal(out[name].offsets, out["atoms"].offsets)
    assert not out["atoms"].values[-1].any()
    assert np.isfinite(out["figures"]).all()


def test_tokens_of_one_row_stay_out_of_the_vocabulary():
    codec = SmilesTokens.fit(pa.array(["CCBr", "CCO", "CO"]), COLUMN, None, 0)
    assert codec.vocabulary == ["C", "O"]
    out = codec.encode(pa.array(["CBr", None]))["ids"]
    assert out.values.tolist() == [3, 2, 1]
