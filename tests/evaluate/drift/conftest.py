"""A small table with every kind of column that needs no extra library."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table

_WORDS = "refund card order late please help account open close money parcel address change".split()


def made(rows: int, seed: int = 0, shift: float = 0.0, other: bool = False) -> Table:
    """Return rows of an age, a channel, a flag and a message; `shift` is added to the age, `other` writes other messages."""
    rng = np.random.default_rng(seed)
    words = "kernel panic segfault driver compile patch".split() if other else _WORDS
    schema = Schema((Column("age", "number"), Column("channel", "category"), Column("member", "boolean"), Column("message", "text")))  # fmt: skip
    age = [None if rng.random() < 0.02 else float(a) for a in rng.normal(40 + shift, 10, rows)]
    data = {
        "age": pa.array(age, pa.float64()),
        "channel": pa.array(rng.choice(["web", "mail", "phone"], rows, p=[0.5, 0.3, 0.2]).tolist()),
        "member": pa.array((rng.random(rows) < 0.4).tolist()),
        "message": pa.array([" ".join(rng.choice(words, rng.integers(4, 12))) for _ in range(rows)]),
    }
    return Table.of(pa.table(data), schema)


@pytest.fixture(scope="session")
def make():
    """The maker of rows."""
    return made


@pytest.fixture(scope="session")
def table() -> Table:
    """Training rows."""
    return made(2000)
