"""What is wrong with an option is said in both languages, and whatever was found has words."""

import pytest
from pydantic import BaseModel, Field, ValidationError

from modelwright.core.config import load_config, make_config
from modelwright.core.errors import OptionError
from modelwright.core.validation import first_words, shown


@pytest.mark.parametrize(
    ("given", "en", "zh"),
    [
        ({"folds": "three"}, "expected a whole number, received `three`.", "应为整数，收到的是 `three`。"),
        ({"repeats": 0}, "expected at least 1, received `0`.", "应为不小于 1 的数值，收到的是 `0`。"),
        ({"test_fraction": 1}, "expected less than 1, received `1`.", "应为小于 1 的数值，收到的是 `1`。"),
        ({"epsilon": -2}, "expected more than 0, received `-2`.", "应为大于 0 的数值，收到的是 `-2`。"),
        ({"search": "best"}, "expected tpe, random, grid or none, received `best`.", "应为 tpe、random、grid 或 none，收到的是 `best`。"),
        ({"ensemble": "perhaps"}, "expected true or false, received `perhaps`.", "应为 true 或 false，收到的是 `perhaps`。"),
        ({"ignore": "a"}, "expected a list, received `a`.", "应为列表，收到的是 `a`。"),
        ({"column": ["a"]}, 'expected names with values, received `["a"]`.', '应为名称与取值的映射，收到的是 `["a"]`。'),
        ({"target": 4}, "expected text, received `4`.", "应为文本，收到的是 `4`。"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_said_in_both_languages(given, en, zh):
    (name,) = given
    with pytest.raises(OptionError) as found:
        make_config(**{"data": "d.csv", **given})
    typed = (" (--test-fraction)", "（--test-fraction）") if name == "test_fraction" else ("", "")
    assert found.value.words == (f"Option `{name}`{typed[0]}: {en}", f"选项 `{name}`{typed[1]}：{zh}")


def test_what_is_missing_or_too_much_is_named():
    class Wanted(BaseModel, extra="forbid"):
        text: str
        tags: list[str] = Field(default=[], max_length=1)

    def words(**values):
        with pytest.raises(ValidationError) as found:
            Wanted(**values)
        return first_words(found.value)

    assert words() == ("text", ("it is missing.", "缺少该项。"))
    assert words(text="a", texts="b") == ("texts", ("there is no such name here.", "没有这个名称。"))
    assert words(text="a", tags=["a", "b"]) == ("tags", ("expected at most 1 entries, received `[\"a\", \"b\"]`.", "应为至多 1 项，收到的是 `[\"a\", \"b\"]`。"))  # fmt: skip


def test_the_data_that_is_missing_is_asked_for():
    with pytest.raises(OptionError, match="Option `data`: it is missing"):
        make_config(target="a")


def test_a_config_file_may_write_options_as_they_are_typed(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("data: d.csv\ntest-fraction: 0.3\n", encoding="utf-8")
    assert make_config(**load_config(file)).test_fraction == 0.3


@pytest.mark.parametrize(
    ("value", "text"),
    [(7.0, "`7`"), (-7.0, "`-7`"), (0.5, "`0.5`"), (1e300, "`1e+300`"), (True, "`true`"), ("7.0", "`7.0`")],
)
def test_values_are_shown_as_people_write_them(value, text):
    assert shown(value) == text
