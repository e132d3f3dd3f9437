"""What rows are to people, counted in both languages."""

import pytest

from modelwright.core.task import get_task
from modelwright.core.unit import PICTURES, ROWS, STRETCHES, unit_of


@pytest.mark.parametrize(
    ("unit", "count", "en", "zh"),
    [
        (ROWS, 1, "1 row", "1 行"),
        (PICTURES, 12_000, "12,000 pictures", "12,000 张图片"),
        (STRETCHES, 2, "2 stretches", "2 段"),
    ],
)
def test_a_number_of_them(unit, count, en, zh):
    assert tuple(unit.counted(count)) == (en, zh)


def test_more_of_them_are_asked_for_by_name():
    assert PICTURES.more.en.startswith("Give more pictures (100 or more)")
    assert PICTURES.more.zh.startswith("请提供更多图片（100 张以上）")
    assert ROWS.more.zh.startswith("请提供更多数据（100 行以上）")


def test_counts_of_older_runs_are_of_rows():
    assert unit_of({"test": 3}) == ROWS
    assert unit_of({"test": 3, "unit": list(PICTURES)}) == PICTURES


def test_tasks_of_pictures_count_pictures():
    assert get_task("object-detection").unit == get_task("image-to-image").unit == PICTURES
    assert get_task("classification").unit == ROWS
