"""Pictures in the report: only data URLs of pictures, within bounds, heat maps in both languages."""

import pytest

from evaluate.made import facts as made_facts
from modelwright.evaluate.report import pictures as _pictures
from modelwright.evaluate.report.page import write_report

URL = "data:image/png;base64,iVBORw0KGgo="


def facts():
    out = made_facts()
    out["mistakes"] = out["mistakes"][:1]
    out["mistakes"][0] |= {
        "inputs": {"photo": "a.png", "text": "hello"},
        "pictures": {"photo": URL},
        "explanation": [{"column": "photo", "start": None, "end": None, "text": "a.png", "weight": 1.0, "heat": [[1.0, 0.05], [-0.5, 0.0]], "how": "occlusion"}],
    }  # fmt: skip
    out["without"] = [
        {"column": "photo", "drop": 0.31, "low": 0.2, "high": 0.4, "rows": 1234},
        {"column": "text", "drop": -0.01, "low": -0.05, "high": 0.03, "rows": 1234},
    ]
    return out


@pytest.mark.parametrize(("lang", "words"), [
    ("en", ("photo: heat map", "What each column adds", "1,234 test rows", "In pictures")), ("zh", ("photo：热力图", "各列的贡献", "1,234 行", "图片中")),
])  # fmt: skip
def test_mistakes_show_the_picture_and_its_heat(lang, words):
    text = write_report(facts(), lang)
    assert text.count(f'src="{URL}"') == 2
    assert '<rect x="0" y="0" width="1.04" height="1.04" class="plus" opacity="0.85">' in text
    assert '<rect x="0" y="1" width="1.04" height="1.04" class="minus" opacity="0.3">' in text
    assert text.count("<rect x=") - write_report({**facts(), "mistakes": []}, lang).count("<rect x=") == 2
    assert all(w in text for w in words)


@pytest.mark.parametrize("url", [
    "http://example.org/x.png", "data:text/html;base64,PGI+", "data:image/svg+xml,<svg onload=alert(1)>", 'data:image/png;base64,x" onerror="alert(1)', "javascript:alert(1)", "",
])  # fmt: skip
def test_only_pictures_in_the_page_itself_are_shown(url):
    assert _pictures.picture(url, [[1.0]], "x", "en") == ""


def test_names_are_escaped_and_maps_may_be_absent():
    assert "<b>" not in _pictures.picture(URL, None, '"><b>', "en")
    assert "svg" not in _pictures.picture(URL, None, "x", "en")
    assert "svg" not in _pictures.picture(URL, [], "x", "en")
    assert _pictures.of_mistake({"explanation": None}, "x", "en") == ""


def test_the_room_for_pictures_is_bounded():
    big = {"a": "x" * (_pictures.MOST - 10), "b": "y" * 20, "c": "z" * 5}
    assert set(_pictures.kept(big, 0)) == {"a", "c"}
    assert _pictures.kept({"a": "x"}, _pictures.MOST) == {}


def test_no_section_where_nothing_was_measured():
    assert "What each column adds" not in write_report({**facts(), "without": []}, "en")
