"""Molecules drawn with their atoms tinted: at the right atoms, in both colour schemes, with nothing that could run."""

import base64
import re
from xml.etree import ElementTree

import pytest

from evaluate.made import facts as made_facts
from modelwright.evaluate.explain.lenses.molecule import LENS, atom_weights, drawing
from modelwright.evaluate.report.page import write_report

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def shown(url):
    return base64.b64decode(url.removeprefix("data:image/svg+xml;base64,")).decode()


def test_weights_go_to_the_atoms_of_their_stretch():
    found = [
        {"start": 0, "end": 2, "weight": 0.5},
        {"start": 4, "end": 5, "weight": -1.0},
        {"start": None, "end": None, "weight": 9},
    ]
    assert atom_weights(ASPIRIN, found) == {0: 0.5, 1: 0.5, 2: -1.0}
    assert atom_weights("[NH4+].[Cl-]", [{"start": 7, "end": 12, "weight": 1.0}]) == {1: 1.0}
    assert atom_weights("BrCCl", [{"start": 0, "end": 2, "weight": 1.0}]) == {0: 1.0}


def test_strong_atoms_are_tinted_and_weak_ones_are_not():
    text = drawing(ASPIRIN, 300, {0: 1.0, 3: -0.5, 5: 0.01})
    assert len(re.findall(r"<ellipse", text)) == 2
    assert "fill:#2D8EFFBF" in text
    assert "fill:#FF593D5F" in text
    assert "<ellipse" not in drawing(ASPIRIN, 300, {})


@pytest.mark.parametrize(
    "smiles", [ASPIRIN, "[H][H]", "[2H]C([2H])([2H])O", "[Na+].[Cl-]", "*c1ccccc1", "C[C@H](N)C(=O)O", "C"]
)
def test_a_drawing_is_plain_svg(smiles):
    text = shown(LENS().picture(smiles, 300, [{"start": 0, "end": len(smiles), "weight": 1.0}]))
    root = ElementTree.fromstring(text)
    assert root.get("width") == "300px"
    names = {e.tag.split("}")[1] for e in root.iter()}
    assert names <= {"svg", "style", "path", "ellipse", "rect", "text", "tspan", "g"}
    assert not [k for e in root.iter() for k in e.attrib if k.startswith("on") or "href" in k]
    assert "prefers-color-scheme:dark" in text
    assert "#000000" not in text


@pytest.mark.parametrize("smiles", ["no molecule", "C" * 151, ""])
def test_what_cannot_be_drawn_has_no_picture(smiles):
    assert LENS().picture(smiles, 200) is None


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_shows_the_drawing(lang):
    facts = made_facts()
    told = [{"column": "smiles", "start": 0, "end": 1, "text": "C", "weight": 1.0}]
    url = LENS().picture(ASPIRIN, 160, told)
    facts["mistakes"] = [
        {**facts["mistakes"][0], "inputs": {"smiles": ASPIRIN}, "pictures": {"smiles": url}, "explanation": told}
    ]
    text = write_report(facts, lang)
    assert f'<span class="shot drawn"><img src="{url}"' in text
