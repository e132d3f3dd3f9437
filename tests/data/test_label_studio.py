"""What the readers of Label Studio's exports share: annotations that count, files that URLs name, places in texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.data import label_studio


def test_the_last_annotation_that_was_not_cancelled_counts():
    def done(name, **more):
        return {"result": [{"id": name}, "no result"], **more}

    several = [done("a"), done("b", was_cancelled=False), done("c", was_cancelled=True), "no annotation"]
    assert label_studio.results(several) == [{"id": "b"}]
    assert [a["result"][0]["id"] for a in label_studio.finished(several)] == ["a", "b"]
    assert label_studio.results([{"result": None}]) == []
    for nobody in ([], None, [done("c", was_cancelled=True)]):
        assert label_studio.results(nobody) is None


@pytest.mark.parametrize(
    ("found", "are"),
    [
        ([{"data": {}, "annotations": []}], True), ([], True), ([{"data": "a"}], False), ([1], False), ({"data": {}}, False), (None, False),
    ],
)  # fmt: skip
def test_tasks_are_objects_with_data(found, are):
    assert label_studio.are_tasks(found) is are


def test_the_file_of_a_url_is_found_beside_the_export(tmp_path):
    export = tmp_path / "export.json"
    (tmp_path / "images").mkdir()
    for name in ("a b.png", "c.png", "images/d.png", "0f3a2b1c-e.png"):
        (tmp_path / name).touch()

    def found(url):
        place = label_studio.beside(url, export, "images")
        return place if place is None else place.relative_to(tmp_path).as_posix()

    assert found("/data/local-files/?d=folder/a%20b.png") == "a b.png"
    assert found("https://host/data/upload/1/0f3a2b1c-c.png?x=1") == "c.png"
    assert found("/data/upload/1/0f3a2b1c-d.png") == "images/d.png"
    assert found("0f3a2b1c-e.png") == "0f3a2b1c-e.png"
    assert found(str(tmp_path / "c.png")) == "c.png"
    assert label_studio.beside("d.png", export) is None
    assert found("http://[no URL") is None
    assert label_studio.file_of("http://[no URL").name == "[no URL"


@given(st.text(max_size=20), st.integers(0, 20))
def test_places_are_counted_as_javascript_counts_them_and_back(text, place):
    place = min(place, len(text))
    assert label_studio.place_of(text, label_studio.units_before(text, place)) == place


def test_places_beyond_a_text_stay_beyond_it():
    assert label_studio.place_of("\U0001f600ab", 2) == 1
    assert label_studio.place_of("\U0001f600ab", 7) == 6
