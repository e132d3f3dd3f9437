"""What the search for personal data costs beside reading the table, and that a quick first look misses nothing."""

import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.privacy.detect import find_cells
from modelwright.privacy.protect import protect
from modelwright.privacy.recognisers.base import recognisers
from modelwright.privacy.text import HAN, SIGNS, Block
from privacy import chinese
from privacy.cells import cells

ROWS = 10_000
WORDS = (
    "my card has not come yet could you please tell me when the new one will be here I have been charged twice".split()
)


def table():
    draw = np.random.default_rng(0)
    said = np.array(WORDS, object)[draw.integers(0, len(WORDS), (ROWS, 9))]
    texts = {f"text{i}": [" ".join(row) for row in np.roll(said, i, axis=1).tolist()] for i in range(3)}
    return pa.table({**{f"x{i}": draw.normal(size=ROWS) for i in range(20)}, **texts})


def test_the_search_costs_little_beside_reading(tmp_path):
    pyarrow.csv.write_csv(table(), tmp_path / "a.csv")
    begun = time.process_time()
    strings = pyarrow.csv.ConvertOptions(column_types={f"x{i}": pa.string() for i in range(20)})
    raw = pyarrow.csv.read_csv(tmp_path / "a.csv", convert_options=strings)
    typed = coerce(raw, infer_schema(raw, overrides={f"text{i}": "text" for i in range(3)}))[0]
    read = time.process_time() - begun
    begun = time.process_time()
    protect(typed, None, raw, seconds=0.0)
    took = time.process_time() - begun
    assert (
        took < 4 * read
    )  # 1.2 to 1.7 where tables are typed as quickly as now; decimals taken for digits cost 30 times


def test_many_cells_are_read_as_each_by_itself():
    some = [t for t, _ in [*cells("development"), *cells("unseen"), *chinese.sentences(seed=3, copies=1)]][::3]
    some += [
        "\u8054\u7cfb\u6211\uff1a\uff11\uff13\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "name\uff1aJane Doe",
        "a\uff03qq.com",
        "x" * 30,
        "",
    ]
    many, _ = find_cells(some, "text", slow=False, least=0.0)
    assert len(some) > 150
    assert many == [find_cells([c], "text", slow=False, least=0.0)[0][0] for c in some]


@pytest.mark.parametrize("sign", [*SIGNS, HAN])
def test_cells_that_hold_a_sign_are_found_among_few_and_among_many(sign):
    held = "\u4e2d" if sign == HAN else sign
    some = [f"a{held}b" if i % 5 == 0 else "plain" for i in range(300)]
    assert Block(some).having(sign).cells == [c for c in some if held in c]
    assert Block(some[:20]).having(sign).cells == [c for c in some[:20] if held in c]


def test_hints_looked_for_together_are_found_as_by_themselves():
    hints = {h: 0 for r in recognisers() for h in r.hints} | {h: 1 for r in recognisers() for h in r.beside_digits}
    some = [t for t, _ in [*cells("development"), *chinese.sentences(seed=3, copies=1)]]
    together, alone = Block(some, hints), Block(some)
    for hint, digits in hints.items():
        one, other = (b.with_digits(digits).select(hint) for b in (together, alone))
        assert one.index.tolist() == other.index.tolist(), hint
