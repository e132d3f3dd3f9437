"""Columns as they are stored."""

import pytest

from modelwright.core.schema import Column


def test_columns_of_kinds_that_there_are_not():
    with pytest.raises(ValueError, match="modality colour"):
        Column.from_json({"name": "a", "modality": "colour", "role": "input"})
    with pytest.raises(ValueError, match="role boss"):
        Column.from_json({"name": "a", "modality": "text", "role": "boss"})
