"""Tables divided by runs of blanks: their lines stay as many as they are."""

from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.reading import Reading
from modelwright.data.blank_runs import one_blank
from modelwright.data.sources import read_table


@given(st.lists(st.sampled_from(["a  b", "", " a\tb ", '"x  y" 1']), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_there_are_as_many_lines_as_before(lines, end):
    found = one_blank("".join(line + end for line in lines))
    assert found.splitlines() == [{"a  b": "a b", " a\tb ": "a b"}.get(line, line) for line in lines]


def test_blank_lines_are_counted_as_they_stand(tmp_path):
    rows = [f"{i} {i % 5} {'uv'[i % 2]}\n" + "\n" * (i % 2) for i in range(20)]
    (tmp_path / "d.txt").write_text("a b y\n" + "".join(rows))
    from modelwright.core.events import EventStream

    heard, events = [], EventStream()
    events.listen(heard.append)
    table, _ = read_table(tmp_path / "d.txt", Reading(), events)
    said = [e.words.en for e in heard if hasattr(e, "words")]
    assert table.num_rows == 20
    assert any("9 blank lines between the rows are passed over (lines 4, 7, 10, 13, 16 ...)" in s for s in said)
