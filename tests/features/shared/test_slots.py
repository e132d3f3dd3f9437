"""Checks of slots: values looked for word for word, and values told by a classifier."""

import json

import pytest

from modelwright.features.shared.slots import SlotCheck


@pytest.fixture(scope="module")
def check():
    rows, answers = [], []
    for i in range(200):
        food, friendly = ("Thai", "French", "Greek")[i % 3], ("yes", "no", "")[i % 7 % 3]
        said = {"yes": "Bring your kids.", "no": "It is for adults only.", "": "It is fine."}[friendly]
        rows.append([("food", food), *([("family", friendly)] if friendly else [])])
        answers.append(f"A place for {food} food. {said}")
    return SlotCheck.fit(rows, answers)


def look(check, slots, text):
    (found,) = check.check([slots], [text])
    return found["slots"], found["missing"], found["added"]


def test_what_is_missing_or_added_is_told(check):
    assert list(check.worded) == ["food"]
    assert list(check.told) == ["family"]
    slots = [("food", "Thai"), ("family", "no")]
    assert look(check, slots, "A place for Thai food. It is for adults only.") == (2, [], [])
    assert look(check, slots, "A place for food. It is for adults only.") == (2, ["food"], [])
    assert look(check, slots, "A place for Thai food. Bring your kids.") == (2, ["family"], [])
    assert look(check, slots[:1], "A place for Thai food. Bring your kids.") == (1, [], ["family"])
    assert look(check, slots, "A place for Thai and French food. It is for adults only.") == (2, [], ["food"])


def test_state_comes_back(check):
    again = SlotCheck.restore(json.loads(json.dumps(check.state())), check.arrays())
    assert look(again, [("family", "yes")], "Bring your kids.") == (1, [], [])


def test_a_slot_that_cannot_be_told_is_not_checked():
    rows = [[("mood", ("a", "b")[i % 2])] for i in range(100)]
    assert SlotCheck.fit(rows, ["always the same"] * 100).told == {}
