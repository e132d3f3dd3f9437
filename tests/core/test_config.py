"""Options explain what is wrong with them: a bare number has no unit, four bytes are no memory."""

from __future__ import annotations

import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import OptionError


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("budget", 20, 'budget="20s" or budget="20m"'),
        ("memory", 4, 'memory="4m" or memory="4g"'),
        ("latency", 0.5, 'latency="0.5ms"'),
    ],
)
def test_a_bare_number_is_asked_for_its_unit(option, value, shown):
    with pytest.raises(OptionError) as e:
        make_config(data="x.csv", target="y", **{option: value})
    assert shown in e.value.words.en
    assert shown.split(" or ")[0] in e.value.words.zh


@pytest.mark.parametrize(("value", "meant"), [("4", "Did you mean 4g?"), ("900k", "such as 512m")])
def test_memory_that_cannot_be_meant_is_explained(value, meant):
    with pytest.raises(OptionError, match="too little") as e:
        make_config(data="x.csv", target="y", memory=value)
    assert meant in e.value.words.en


def test_what_has_a_unit_is_taken():
    config = make_config(data="x.csv", target="y", budget="20s", memory="512m", latency="20ms")
    assert (config.budget, config.memory, config.latency) == ("20s", "512m", "20ms")
