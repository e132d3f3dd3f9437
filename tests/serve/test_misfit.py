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
        ({"text": 5}, "expected text", "应为文本"),
        ({"text": "long1"}, "expected at most 3 characters", "应为至多 3 个字符"),
        ({"count": "x"}, "expected a whole number", "应为整数"),
        ({"count": 21}, "expected at most 20", "应为不大于 20 的数值"),
        ({"count": -1}, "expected at least 0", "应为不小于 0 的数值"),
        ({"share": 1.0}, "expected less than 1", "应为小于 1 的数值"),
        ({"share": "half"}, "expected a number", "应为数字"),
        ({"kind": "hex"}, "expected float or base64", "应为 float 或 base64"),
        ({"deep": "yes"}, "expected true or false", "应为 true 或 false"),
        ({"several": []}, "expected at least 1 entries", "应为至少 1 项"),
        ({"several": "secret"}, "expected a list", "应为列表"),
        ({"secret": 1}, "there is no such field", "没有这个字段"),
    ],
)
def test_what_was_expected_is_said_in_both_languages(sent, en, zh):
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate(sent)
    words = misfit(caught.value.errors()[0])
    assert words.en == en
    assert words.zh == zh
    assert "secret" not in words.en + words.zh
