"""Options explain what is wrong with them: a bare number has no unit, four bytes are no memory."""

from __future__ import annotations

import pytest

from modelwright.core.budget import parse_duration, parse_size
from modelwright.core.config import make_config, stored_config
from modelwright.core.errors import OptionError


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("budget", 20, "write 20s or 20m, received the number 20"),
        ("memory", 4, "write 4m or 4g, received the number 4"),
        ("latency", 0.5, "write 0.5ms or 0.5s, received the number 0.5"),
    ],
)
def test_a_bare_number_is_asked_for_its_unit(option, value, shown):
    with pytest.raises(OptionError) as e:
        make_config(data="x.csv", target="y", **{option: value})
    assert shown in e.value.words.en
    assert shown.split(" ")[1] in e.value.words.zh


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize("option", ["too_much", "too_little", "at_least", "price_in", "epsilon", "quantiles"])
def test_numbers_are_finite(option, value):
    with pytest.raises(OptionError, match=option) as e:
        make_config(data="x.csv", target="y", **{option: [value] if option == "quantiles" else value})
    assert "expected" in e.value.words.en
    assert "应为" in e.value.words.zh


def test_memory_that_cannot_be_meant_is_explained():
    with pytest.raises(OptionError, match="too little") as e:
        make_config(data="x.csv", target="y", memory="900k")
    assert "such as 512m" in e.value.words.en


def test_runs_of_earlier_versions_are_read_with_their_bare_numbers(tmp_path):
    (tmp_path / "c.yaml").write_text("data: x.csv\nbudget: '20'\nmemory: '536870912'\nlatency: null\n")
    config = make_config(**stored_config(tmp_path / "c.yaml"))
    assert parse_duration(config.budget) == 20
    assert parse_size(config.memory) == 512 << 20


def test_what_has_a_unit_is_taken():
    config = make_config(data="x.csv", target="y", budget="20s", memory="512m", latency="20ms")
    assert (config.budget, config.memory, config.latency) == ("20s", "512m", "20ms")
