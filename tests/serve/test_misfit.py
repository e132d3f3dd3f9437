"""What is said of a field that does not fit: both languages, and nothing of what was sent."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelwright.serve.misfit import misfit


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    text: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    count: Annotated[int, Field(ge=0, le=20)] = 0
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    kind: Literal["float", "base64"] = "float"
    deep: bool = False
    several: Annotated[list[int], Field(min_length=1)] = [1]


@pytest.mark.parametrize(
    ("sent", "en", "zh"),
    [
        ({"text": 5}, "expected a text", "应为文本"),
        ({"text": "long1"}, "expected at most 3 characters", "应至多有 3 个字符"),
        ({"count": "x"}, "expected a whole number", "应为整数"),
        ({"count": 21}, "expected at most 20", "应不大于 20"),
        ({"count": -1}, "expected at least 0", "应不小于 0"),
        ({"share": 1.0}, "expected less than 1", "应小于 1"),
        ({"share": "half"}, "expected a number", "应为数值"),
        ({"kind": "hex"}, "expected 'float' or 'base64'", "应为 'float' 或 'base64'"),
        ({"deep": "yes"}, "expected true or false", "应为 true 或 false"),
        ({"several": []}, "expected at least 1 entries", "应至少有 1 项"),
        ({"several": "secret"}, "expected a list", "应为列表"),
        ({"secret": 1}, "there is no such field", "没有这个字段"),
    ],
)
def test_what_was_expected_is_said_in_both_languages(sent, en, zh):
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate(sent)
    words = misfit(caught.value.errors()[0])
    assert words.en.removesuffix(".0") == en
    assert words.zh.removesuffix(".0") == zh
    assert "secret" not in words.en + words.zh
