"""What is said of a file that lacks columns of the model."""

import pytest

from modelwright.core.schema import OPTIONAL, Column, Schema
from modelwright.core.task import get_task
from modelwright.core.words import Words
from modelwright.release.predict_file import _say_absent


def said(columns, names):
    lines = []
    _say_absent(columns, names, [], Words("new.csv", "new.csv"), lambda words: lines.append(words.en))
    return lines


def test_what_a_row_may_well_be_without_is_not_missed():
    columns = [Column("image", "image"), Column("style", "text", options=OPTIONAL)]
    assert said(columns, ["image"]) == []
    assert said(columns, ["style"]) == ["new.csv lacks image; these count as missing."]


@pytest.mark.parametrize(
    ("task", "trained", "wishes"),
    [
        ("style-transfer", [Column("image", "image")], {"style", "strength", "keep_colour"}),
        ("text-to-speech", [Column("text", "text")], {"speed", "pitch", "pause"}),
        (
            "text-to-image",
            [Column("caption", "text")],
            {"seed", "steps", "guidance", "init_image", "mask_image", "strength"},
        ),
        ("question-answering", [Column("question", "text"), Column("tenant", "category")], {"tenant"}),
        ("recommendation", [Column("user", "id")], {"history"}),
    ],
)
def test_what_tasks_add_to_a_row_is_optional(task, trained, wishes):
    served = get_task(task).served(Schema(tuple(trained)))
    assert {c.name for c in served.inputs if c.optional} == wishes
