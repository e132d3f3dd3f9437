"""Encoding thousands of columns ends with the run, and only then: a share of the time that is over is the recipe's affair."""

import pytest

from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.core.task import get_task
from modelwright.recipes.shared import columns
from modelwright.recipes.shared.columns import ColumnCodecs
from modelwright.testing import sample_table


def test_encoding_stops_with_the_run_and_not_with_a_share(monkeypatch):
    table, _ = sample_table(get_task("classification"), 20)
    run = Deadline.after(1000)
    share = run.sub(0.0)
    assert share.expired()
    assert ColumnCodecs.fit(table, "sparse", None, 0, share)[1].shape[0] == 20
    run.stop()
    assert ColumnCodecs.fit(table, "sparse", None, 0, share)[1].shape[0] == 20  # few columns, whatever the time
    monkeypatch.setattr(columns, "_FEW", 1)
    with pytest.raises(ModelwrightError) as caught:
        ColumnCodecs.fit(table, "sparse", None, 0, share)
    assert "after 1 columns" in caught.value.words.en
