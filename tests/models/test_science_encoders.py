"""Encoders of molecules and sequences: what they compute, and that padding never enters."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from modelwright.core.schema import Column
from modelwright.features.sequence import SequenceTensor
from modelwright.models.encoders.sequence import SequenceCNN
from modelwright.recipes.media.dnacnn import DnaCNNOptions
from modelwright.recipes.media.mpnn import MPNNOptions
from modelwright.train.batches import collate


def tensors(encoded, rows):
    return collate(encoded, np.array(rows))


@pytest.fixture(scope="module")
def molecules():
    pytest.importorskip("rdkit")
    from modelwright.features.molecule import MoleculeGraph
    from modelwright.models.encoders.molecule import MessagePassing

    values = pa.array(["CC(=O)N", "c1ccccc1CO", "[Na+].[Cl-]", None])
    codec = MoleculeGraph.fit(values, Column("m", "molecule"), None, 0)
    torch.manual_seed(0)
    encoder = MessagePassing(codec, MPNNOptions(atom_width=16)).eval()
    return encoder, codec.encode(values)


def test_messages_are_those_of_directed_bonds(molecules):
    """Against a plain walk over bonds: a message into an atom sums those into its source but the one sent back."""
    encoder, encoded = molecules
    one = tensors(encoded, [0])
    with torch.no_grad():
        found = encoder(one).sequence[0]
        atoms, neighbours, bonds = one["atoms"][0], one["neighbours"][0], one["bonds"][0]
        arcs = [(int(n) - 1, a, int(b)) for a in range(len(atoms)) for n, b in zip(neighbours[a], bonds[a]) if n > 0]
        assert len(arcs) == 6
        start = {(u, v): encoder.first(atoms[u]) + encoder.bond.weight[b] for u, v, b in arcs}
        state = {arc: x.relu() for arc, x in start.items()}
        for _ in range(encoder.steps - 1):
            state = {
                (u, v): (
                    start[u, v]
                    + encoder.again(sum((state[w, x] for w, x in state if x == u and w != v), torch.zeros(16)))
                ).relu()
                for u, v in state
            }
        for a in range(len(atoms)):
            into = sum((x for (_, v), x in state.items() if v == a), torch.zeros(16))
            wanted = encoder.norm(encoder.last(torch.cat([atoms[a], into])).relu())
            assert torch.allclose(found[a], wanted, atol=1e-5)


def test_padding_and_missing_molecules(molecules):
    encoder, encoded = molecules
    with torch.no_grad():
        together = encoder(tensors(encoded, [0, 1, 2, 3])).vector
        for i in range(3):
            assert torch.allclose(encoder(tensors(encoded, [i])).vector[0], together[i], atol=1e-5)
    assert not together[3].any()
    assert together[:3].abs().sum(1).min() > 0


@pytest.mark.parametrize("reverse", [False, True])
def test_padding_and_missing_sequences(reverse):
    values = pa.array(["ACGTACGTACGTAC", "GGTT", "N", None])
    codec = SequenceTensor("nucleic")
    torch.manual_seed(0)
    encoder = SequenceCNN(codec, DnaCNNOptions(channels=8, reverse=reverse)).eval()
    encoded = codec.encode(values)
    with torch.no_grad():
        together = encoder(tensors(encoded, [0, 1, 2, 3])).vector
        for i in range(3):
            assert torch.allclose(encoder(tensors(encoded, [i])).vector[0], together[i], atol=1e-5)
    assert not together[3].any()


def test_both_strands_answer_alike_only_where_asked_for():
    codec = SequenceTensor("nucleic")
    pair = codec.encode(pa.array(["AACGTTTGCA", "TGCAAACGTT", "ACGG", "CCGT"]))
    for reverse in (True, False):
        torch.manual_seed(0)
        encoder = SequenceCNN(codec, DnaCNNOptions(channels=8, reverse=reverse)).eval()
        with torch.no_grad():
            out = encoder(tensors(pair, [0, 1, 2, 3])).vector
        assert torch.allclose(out[0], out[1], atol=1e-5) is reverse
        assert torch.allclose(out[2], out[3], atol=1e-5) is reverse


def test_proteins_have_no_other_strand():
    encoder = SequenceCNN(SequenceTensor("protein"), DnaCNNOptions(channels=8, reverse=True))
    assert not encoder.reverse
