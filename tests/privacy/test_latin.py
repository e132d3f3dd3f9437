"""Names in Latin letters: people in sentences, and brands, places, plants and words that only look like them."""

from __future__ import annotations

import pytest

from modelwright.privacy._common_words import latin
from modelwright.privacy._latin import features, kind_of
from modelwright.privacy.catalogue import get_type
from modelwright.privacy.detect import find, find_cells
from privacy.cells import cells


def replaced(text: str) -> list[str]:
    """Return the names that a run would replace."""
    return [text[m.start : m.end] for m in find(text) if m.type == "person" and m.score >= get_type("person").sure]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Wendy at the front desk found my charger.", ["Wendy"]),
        ("The plumber, Grzegorz Nowak, left mud all over the hall.", ["Grzegorz Nowak"]),
        ("Van der Meer will take the early shift.", ["Van der Meer"]),
        ("J. R. Hargreaves signed the lease on Monday.", ["J. R. Hargreaves"]),
        ("Please let Siobhan O'Reilly know that the gate is open.", ["Siobhan O'Reilly"]),
        ("Mary-Anne Fitzgerald requested a refund.", ["Mary-Anne Fitzgerald"]),
        ("Kudos Anjali!", ["Anjali"]),
        ("Nobody told Esther that the office had moved.", ["Esther"]),
        ("Interview panel: Audrey Lim, Tobias Krause", ["Audrey Lim", "Tobias Krause"]),
        ("Her sister Magdalena picked up the keys.", ["Magdalena"]),
    ],
)
def test_people(text: str, names: list[str]) -> None:
    assert replaced(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "Wendy's closed early, Denny's was open.",
        "Louis Vuitton Neverfull, used",
        "Colour: Ruby; Wood: Hazel",
        "St. John's Wood station was closed.",
        "The Marie Curie ward is on the third floor.",
        "A coffee shop named The Eagle is near Burger King.",
        "Porter at the door was half asleep.",
        "Parkinson's disease leaflet requested.",
        "We drove through Virginia and both Carolinas.",
        "Upgrade Jupyter, Airflow and Hadoop first.",
        "Quarantine is usually established for Infectious Diseases.",
        "Granny Smith apples were bruised.",
        "It was declined and I've already tried two times.",
    ],
)
def test_nobody(text: str) -> None:
    assert replaced(text) == []


def test_words_are_told_apart_by_what_they_mostly_are() -> None:
    kinds = {
        w: kind_of(w) for w in ("emily", "zielinski", "quarantine", "hazel", "nakamura", "o'reilly", "i've", "qxzv")
    }
    assert kinds == {
        "emily": "F", "zielinski": "S", "quarantine": "C", "hazel": "A", "nakamura": "S", "o'reilly": "S", "i've": "C", "qxzv": "U",
    }  # fmt: skip
    assert {k: len(v._bits) > 5_000 for k, v in latin().items()} == {"common": True, "first": True, "surnames": True}


def test_a_run_of_words_is_parted_where_a_common_word_stands() -> None:
    assert list(features("Thanks Emily Clark", [])) == [(7, 18)]
    assert list(features("Dinner With Tom Young Tonight", [])) == [(12, 21)]
    assert list(features("'s", [])) == []


def test_cells_that_the_judge_learnt_from() -> None:
    rows = [row for half in ("development", "unseen") for row in cells(half, file="cells_5.txt")]
    right = said = wanted = 0
    for (text, labels), matches in zip(rows, find_cells([t for t, _ in rows])[0], strict=True):
        truth = {(s, e) for s, e, kind in labels if kind == "person"}
        found = {(m.start, m.end) for m in matches if m.type == "person" and m.score >= get_type("person").sure}
        right, said, wanted = right + len(truth & found), said + len(found), wanted + len(truth)
        assert text
    assert right / said >= 0.94
    assert right / wanted >= 0.82
