"""k-anonymity: every combination stands in k rows or is blanked together with k others, and no coarser than it must be."""

import random
from collections import Counter

import pytest

from modelwright.core.errors import ColumnError, OptionError
from modelwright.privacy.anonymise import anonymise
from modelwright.privacy.anonymity import make_anonymous, parse_quasi


def people(rows: int, seed: int = 0) -> Counter[tuple[str, ...]]:
    turn = random.Random(seed)
    return Counter(
        (str(turn.randint(18, 90)), f"1000{turn.randint(10, 99)}", turn.choice("fm"), f"19{turn.randint(50, 99)}-0{turn.randint(1, 9)}-11")
        for _ in range(rows)
    )  # fmt: skip


@pytest.mark.parametrize("k", [2, 5, 25])
@pytest.mark.parametrize("rows", [60, 800])
def test_every_combination_stands_in_k_rows(k, rows):
    counts = people(rows)
    found = make_anonymous(["age", "zip", "sex", "born"], counts, k)
    after: Counter[tuple[str, ...]] = Counter()
    for values, n in counts.items():
        after[found.row(values)] += n
    assert min(after.values()) >= k
    assert (found.smallest, found.groups, found.rows) == (min(after.values()), len(after), rows)
    assert after[("*",) * 4] >= found.rows_blanked


def test_what_is_anonymous_already_stays_as_it_is():
    counts = Counter({("30", "f"): 9, ("40", "m"): 7})
    found = make_anonymous(["age", "sex"], counts, 5)
    assert [found.row(v) for v in counts] == list(counts)
    assert found.rows_blanked == 0


@pytest.mark.parametrize("few", [1, 4])
def test_the_few_that_are_alone_are_blanked_with_others(few):
    counts = Counter({("30", "f"): 1000, ("40", "m"): 900, ("60", "f"): 6, ("50", "m"): few})
    found = make_anonymous(["age", "sex"], counts, 5)
    assert found.row(("50", "m")) == found.row(("60", "f")) == ("*", "*")  # alone they would be told by their blanks
    assert found.row(("30", "f")) == ("30", "f")
    assert (found.rows_blanked, found.smallest) == (few + 6, few + 6)


def test_ages_become_bands_and_days_months_before_they_go():
    counts: Counter[tuple[str, ...]] = Counter()
    for age in range(20, 60):
        counts[str(age), f"20{age % 10:02}-05-{age % 28 + 1:02}"] = 3
    words = make_anonymous(["age", "since"], counts, 6).words.en
    assert "bands of" in words or "months" in words or "years" in words
    bands = make_anonymous(["age"], Counter({(str(a),): 3 for a in range(20, 60)}), 6)
    values = {bands.row((str(a),))[0] for a in range(20, 60)}
    assert values != {"*"}
    assert all("-" in v for v in values)


def test_of_a_file_what_is_written_is_anonymous(tmp_path):
    lines = ["age,zip,sex,phone,score"]
    turn = random.Random(1)
    for i in range(400):
        lines.append(
            f"{turn.randint(18, 90)},1000{turn.randint(10, 99)},{turn.choice('fm')},138{turn.randint(10**7, 10**8 - 1)},{i}"
        )
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    done = anonymise(str(tmp_path / "in.csv"), tmp_path / "out.csv", k=7, quasi=["age", "zip", "sex"])
    rows = [line.replace('"', "").split(",") for line in (tmp_path / "out.csv").read_text().splitlines()[1:]]
    groups = Counter(tuple(r[:3]) for r in rows)
    assert min(groups.values()) >= 7
    assert len(groups) > 1
    assert [r[4] for r in rows] == [str(i) for i in range(400)]  # what was not asked for stays
    assert done.to_json()["anonymity"]["smallest"] == min(groups.values())


def test_what_cannot_be_done_is_told(tmp_path):
    (tmp_path / "in.csv").write_text("age,sex\n30,f\n31,m\n")
    source = str(tmp_path / "in.csv")
    with pytest.raises(OptionError, match="both --k and --quasi"):
        anonymise(source, tmp_path / "out.csv", k=3)
    with pytest.raises(ColumnError, match="age"):
        anonymise(source, tmp_path / "out.csv", k=2, quasi=["agee"])
    with pytest.raises(OptionError, match="from 2 to the number of rows"):
        anonymise(source, tmp_path / "out.csv", k=3, quasi=["age"])
    with pytest.raises(ColumnError, match="left out"):
        anonymise(source, tmp_path / "out.csv", rules=["drop:age"], k=2, quasi=["age"])
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]
    assert parse_quasi("age, zip，sex") == ["age", "zip", "sex"]
