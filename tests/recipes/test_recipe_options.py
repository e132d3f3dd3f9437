"""Options of recipes: what derived classes keep, and that no recipe offers or searches what its own options refuse."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from modelwright.core.recipe import Choice, Options, Range, get_recipe, recipe_names


class Base(Options):
    """What is derived from."""

    epochs: int = Field(default=3, ge=1, le=10)
    rate: float = Field(default=0.1, gt=0, le=1)
    way: Literal["a", "b"] = "a"


class Derived(Base):
    """Gives other defaults."""

    epochs: int = 5
    rate: float = Field(default=2.0, gt=0, le=5)


class Further(Derived):
    """Derives from what was derived."""

    epochs: int = 6


@pytest.mark.parametrize("made", [Base, Derived, Further])
@pytest.mark.parametrize("epochs", [-1, 0, 11])
def test_another_default_keeps_the_range(made: type[Base], epochs: int) -> None:
    with pytest.raises(ValidationError):
        made(epochs=epochs)
    assert made(epochs=10).epochs == 10


def test_a_field_of_its_own_is_another_range() -> None:
    assert Derived(rate=5).rate == 5
    assert Further(rate=5).rate == 5
    with pytest.raises(ValidationError):
        Further(rate=0)


def test_defaults_are_those_that_were_given() -> None:
    assert (Base().epochs, Derived().epochs, Further().epochs) == (3, 5, 6)


@pytest.mark.parametrize("name", recipe_names())
def test_defaults_and_searched_values_lie_within_the_ranges(name: str) -> None:
    recipe = get_recipe(name)
    plain = recipe.options().model_dump()
    assert recipe.options.model_validate(plain).model_dump() == plain
    for axis, values in recipe.space.items():
        for value in _ends(values):
            assert getattr(recipe.options.model_validate({**plain, axis: value}), axis) == value


def _ends(values: Choice | Range) -> tuple[Any, ...]:
    if isinstance(values, Choice):
        return values.values
    return (int(values.low), int(values.high)) if values.whole else (values.low, values.high)


@pytest.mark.parametrize("name", recipe_names())
def test_options_of_training_have_ranges(name: str) -> None:
    options = get_recipe(name).options
    for field, bad in (("patience", 0), ("epochs", -1), ("batch", 0), ("lr", 0), ("snr_low", -1e9), ("snr_high", 1e9)):
        if field in options.model_fields:
            with pytest.raises(ValidationError):
                options.model_validate({field: bad})
