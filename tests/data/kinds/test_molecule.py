"""SMILES: recognised beside words and codes, made canonical, named where they do not parse."""

import sys

import pyarrow as pa
import pytest

from modelwright.core.errors import MissingExtra
from modelwright.core.schema import Column, Schema
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import Unreadable, recognise
from modelwright.data.kinds.molecule import MoleculeKind, scaffold, tokens_of

pytest.importorskip("rdkit")
KIND = MoleculeKind()
SMILES = [
    "CCO",
    "c1ccccc1O",
    "CC(=O)Nc1ccc(O)cc1",
    "C[C@H](N)C(=O)O",
    "[Na+].[Cl-]",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "BrCCBr",
]
COLUMN = Column("m", "molecule")


def cells(*values):
    return pa.chunked_array([pa.array(list(values), pa.string())])


@pytest.mark.parametrize("name", ["smiles", "compound"])
def test_smiles_are_recognised(name):
    assert recognise(name, cells(*SMILES, None, "")) == ("molecule", {})


@pytest.mark.parametrize(
    "values",
    [
        ["nose", "cop", "spoon", "SOS", "icon", "no", "BOSCO", "bonbon"],
        [f"C{i}" for i in range(40)],
        ["CCCC", "SNOB", "FINS", "BOSS"],
        ["ACGTACGTGGCC", "TTGACAGGTTAA"],
        ["(555) 1234", "555-1234", "+1(555)"],
        ["C(", "c1ccc", "CC)", "C=("],
        ["12", "13"],
    ],
)
def test_words_codes_and_numbers_are_not(values):
    assert KIND.recognise("x", cells(*values)) is None


def test_a_few_broken_cells_do_not_hide_a_column():
    assert KIND.recognise("x", cells(*(SMILES * 2), *["CC" + "O" * i + "C(N)C" for i in range(8)], "c1ccc")) == {}


def test_tokens():
    assert tokens_of("C[C@H](Br)%12=c") == ["C", "[C@H]", "(", "Br", ")", "%12", "=", "c"]
    assert tokens_of("hello") is None


def test_cells_become_canonical():
    assert KIND.read("OCC", COLUMN, None) == KIND.read(" C(O)C ", COLUMN, None) == "CCO"
    assert KIND.read("", COLUMN, None) is None
    assert KIND.read("NA", COLUMN, None) is None


@pytest.mark.parametrize("bad", ["c1ccc", "C(C)(C)(C)(C)C", "CCO and water", "xyz", "C" * 2001])
def test_bad_cells_are_refused_in_two_languages(bad, capfd):
    with pytest.raises(Unreadable) as caught:
        KIND.read(bad, COLUMN, None)
    assert "SMILES" in caught.value.words.en
    assert "SMILES" in caught.value.words.zh
    assert bad[:20] in caught.value.words.en
    assert capfd.readouterr().err == ""  # the library's own log is silent


def test_bad_rows_are_named():
    schema = Schema((COLUMN,))
    table, bad = coerce(pa.table({"m": [*SMILES, "c1ccc"]}), schema)
    assert [(b.row, b.column, b.value) for b in bad] == [(8, "m", "c1ccc")]
    assert table.column("m").null_count == 1
    _, bad = coerce_rows([{"m": "CCO"}, {"m": "C(("}], schema)
    assert [b.row for b in bad] == [2]


def test_scaffolds_are_families():
    values = pa.array(["Cc1ccccc1", "OCc1ccccc1", "CCO", "C1CCCCC1N", None])
    found = KIND.groups(values, COLUMN)
    assert found[0] == found[1] == "c1ccccc1"
    assert len({found[0], found[2], found[3]}) == 3
    assert found[4] is None
    assert scaffold("not one") == ""


def test_without_rdkit_columns_are_known_and_reading_says_what_to_install(monkeypatch):
    import importlib.util

    monkeypatch.setitem(sys.modules, "rdkit", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert KIND.recognise("smiles", cells(*SMILES)) == {}
    with pytest.raises(MissingExtra, match=r"modelwright\[molecule\]"):
        KIND.read("CCO", COLUMN, None)


def test_inchi_are_molecules_under_any_name_and_become_smiles():
    from rdkit.Chem import MolFromSmiles, MolToInchi

    inchi = ["InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3", "InChI=1S/C6H6/c1-2-4-6-5-3-1/h1-6H", "InChI=1S/CH4/h1H4/i1+1"]
    more = [MolToInchi(MolFromSmiles("C" * n)) for n in range(4, 22)]
    raw = pa.table({"key": [*inchi, *more, "InChI=1S/nonsense"], "y": ["a", "b"] * 11})
    schema = infer_schema(raw, target="y")
    assert schema["key"].modality == "molecule"
    typed, bad = coerce(raw, schema)
    assert typed.column("key").to_pylist()[:3] == ["CCO", "c1ccccc1", "[13CH4]"]
    assert [b.row for b in bad] == [22]
