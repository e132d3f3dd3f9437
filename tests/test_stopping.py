"""Signals while data is read: the run's own way to stop hears them, not the library that reads."""

import os
import signal

import pyarrow as pa
import pyarrow.csv
import pytest

from modelwright.cli.exits import stopping
from modelwright.core.budget import Deadline


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_read_stops_the_deadline(number):
    deadline = Deadline.after(60)

    def hit(row):
        os.kill(os.getpid(), number)
        return "skip"

    text = b"a,b\n" + b"1,2\n" * 10 + b"1\n" + b"1,2\n" * 500_000
    with stopping(deadline):
        table = pa.csv.read_csv(
            pa.BufferReader(text), parse_options=pa.csv.ParseOptions(invalid_row_handler=hit),
            read_options=pa.csv.ReadOptions(block_size=1000, use_threads=False),
        )  # fmt: skip
    assert table.num_rows == 500_010
    assert deadline.stopped
