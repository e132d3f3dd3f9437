"""Samples are tidy, whole, and of the kind that their cards say."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from modelwright.core.errors import OptionError
from modelwright.data import samples

ROWS = {
    "tickets": 854, "tickets-multilabel": 854, "reviews-zh": 210, "iris": 150, "wine": 178, "breast-cancer": 569,
    "diabetes": 442, "digits": 1797, "digit-pictures": 1797,
}  # fmt: skip


def read(path: Path, delimiter: str = ",") -> tuple[list[str], list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as f:
        reader = csv.reader(f, delimiter=delimiter)
        header = next(reader)
        return header, [dict(zip(header, row, strict=True)) for row in reader]


def han(text: str) -> bool:
    return re.search(r"[一-鿿]", text) is not None


def test_every_sample_has_its_count_here() -> None:
    assert set(samples.names()) == set(ROWS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_written_table_is_tidy(name: str, tmp_path: Path) -> None:
    path = samples.write(name, tmp_path / "new.csv")
    header, rows = read(path)
    assert len(rows) == ROWS[name]
    assert len(set(header)) == len(header)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column) for column in header)
    assert header[-1] == samples.target(name)
    answers = [row[header[-1]] for row in rows]
    assert "" not in answers
    assert len(set(answers)) >= 2
    words = samples.describe(name)
    assert words.en
    assert han(words.zh)
    assert (
        f"{len(rows):,}" in words.en or str(len(rows)) in words.en or name in ("tickets-multilabel", "digit-pictures")
    )


def test_folder_gets_a_file_named_after_the_sample(tmp_path: Path) -> None:
    assert samples.write("iris", tmp_path) == tmp_path / "iris.csv"


def test_tsv_holds_the_same_rows(tmp_path: Path) -> None:
    as_csv = read(samples.write("tickets", tmp_path / "a.csv"))
    as_tsv = read(samples.write("tickets", tmp_path / "a.TSV"), "\t")
    assert as_csv == as_tsv


def test_existing_file_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("precious")
    with pytest.raises(OptionError, match=r"mine\.csv.*already there"):
        samples.write("iris", path)
    assert path.read_text() == "precious"
    samples.write("iris", path, overwrite=True)
    assert len(read(path)[1]) == 150
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


def test_unknown_sample_names_the_nearest_first() -> None:
    with pytest.raises(OptionError, match="Did you mean `tickets`") as caught:
        samples.describe("tikets")
    assert "示例数据" in caught.value.words.zh
    with pytest.raises(OptionError, match="breast-cancer"):
        samples.target("nothing-like-it")


@pytest.mark.parametrize("file", ["a.xlsx", "a", "no/such/folder/a.csv"])
def test_places_that_do_not_fit_are_refused(file: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        samples.write("iris", tmp_path / file)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[object]:
        raise KeyboardInterrupt

    fields = samples._SAMPLES["iris"]
    monkeypatch.setitem(samples._SAMPLES, "iris", samples.Sample(fields.words, fields.target, broken))
    with pytest.raises(KeyboardInterrupt):
        samples.write("iris", tmp_path / "iris.csv")
    assert list(tmp_path.iterdir()) == []


def test_tickets_are_as_their_card_says(tmp_path: Path) -> None:
    header, rows = read(samples.write("tickets", tmp_path))
    assert header == ["ticket_no", "created_at", "channel", "customer_tier", "text", "queue"]
    queues = Counter(row["queue"] for row in rows)
    assert set(queues) == {"account", "billing", "delivery", "product_question", "refund", "technical"}
    assert min(queues.values()) >= 100
    assert 0.4 < sum(han(row["text"]) for row in rows) / len(rows) < 0.6
    assert len({row["ticket_no"] for row in rows}) == len(rows)
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in rows)
    twice = [text for text, n in Counter(row["text"] for row in rows).items() if n > 1]
    assert len(twice) == 8
    assert any(len({row["queue"] for row in rows if row["text"] == text}) == 2 for text in twice)


def test_ticket_tags_go_with_the_same_texts(tmp_path: Path) -> None:
    _, plain = read(samples.write("tickets", tmp_path))
    header, tagged = read(samples.write("tickets-multilabel", tmp_path))
    assert header == ["ticket_no", "created_at", "channel", "customer_tier", "text", "tags"]
    assert [row["text"] for row in plain] == [row["text"] for row in tagged]
    tags = Counter(tag for row in tagged for tag in row["tags"].split("|"))
    assert len(tags) == 13
    assert min(tags.values()) >= 20
    assert sum("|" in row["tags"] for row in tagged) > 300


def test_addresses_and_numbers_are_of_kinds_set_aside_for_examples(tmp_path: Path) -> None:
    text = samples.write("tickets", tmp_path).read_text(encoding="utf-8")
    for domain in re.findall(r"[\w.]+@([\w.]+)", text):
        assert domain in {"example.com", "example.org"}
    for number in re.findall(r"(?<![\d-])1[3-9]\d-?\d{4}-?\d{4}(?!\d)", text):
        assert number.endswith("-0000-0000")
    for number in re.findall(r"\b555-\d{4}\b", text):
        assert number.startswith("555-01")


def test_queue_can_be_learnt_but_is_no_toy(tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline

    _, rows = read(samples.write("tickets", tmp_path))
    unique = list({row["text"]: row for row in rows}.values())
    model = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True),
        LogisticRegression(C=20, max_iter=300),
    )
    train = [row for i, row in enumerate(unique) if i % 5]
    test = unique[::5]
    model.fit([row["text"] for row in train], [row["queue"] for row in train])
    score = f1_score([row["queue"] for row in test], model.predict([row["text"] for row in test]), average="macro")
    assert 0.75 < score < 0.96


def test_shipped_tables_hold_what_the_source_holds(tmp_path: Path) -> None:
    from sklearn.datasets import load_breast_cancer, load_diabetes

    _, rows = read(samples.write("breast-cancer", tmp_path))
    source = load_breast_cancer()
    assert [float(row["mean_radius"]) for row in rows] == pytest.approx(source.data[:, 0])
    assert [row["diagnosis"] for row in rows] == [source.target_names[i] for i in source.target]
    _, rows = read(samples.write("diabetes", tmp_path))
    source = load_diabetes(scaled=False)
    assert [float(row["age"]) for row in rows] == pytest.approx(source.data[:, 0])
    assert {row["sex"] for row in rows} == {"group_1", "group_2"}
    assert [float(row["progression"]) for row in rows] == pytest.approx(source.target)
