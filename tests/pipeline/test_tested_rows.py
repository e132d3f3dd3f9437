"""How many test rows are scored where whoever ended the run is waiting."""

from types import SimpleNamespace

import pyarrow as pa
import pytest

from modelwright.core.config import make_config
from modelwright.core.events import EventStream
from modelwright.core.schema import Schema, Table
from modelwright.pipeline.decide import _fewer_to_test
from modelwright.tune.parts import Parts


@pytest.mark.parametrize(("ms", "left"), [(0.001, 5000), (0.1, 2000), (10.0, 1000)])
def test_a_stop_lets_nobody_wait_for_many_slow_rows(ms, left):
    table = Table.of(pa.table({"x": list(range(5000))}), Schema(()))
    told = []
    events = EventStream()
    events.listen(told.append)
    state = SimpleNamespace(
        parts=Parts(table, table, [], None, False), outcome=SimpleNamespace(winner=[(1.0, SimpleNamespace(batch_ms=ms))]),
        config=make_config(data="x", target="y"), events=events,
    )  # fmt: skip
    _fewer_to_test(state)
    assert len(state.parts.test) == left
    assert (state.parts.test.rows == state.parts.test.column("x").to_numpy() + 1).all()
    assert len(told) == (left < 5000)
    assert not told or f"a random {left:,} of 5,000 test rows" in told[0].words.en
