"""Placeholders in texts that a model makes of a row are filled with that row's own values again."""

import pyarrow as pa

from modelwright.core.schema import Column, Schema, Table
from modelwright.privacy.shield import Shield, filled

SHIELD = Shield({"text": {"email": "placeholder", "phone": "placeholder"}})


def table(*texts):
    schema = Schema((Column("text", "text"),))
    return Table.of(pa.table({"text": pa.array(texts, pa.string())}), schema)


def test_only_what_is_told_is_kept_and_only_where_it_is_one_value():
    found = SHIELD.apply(
        table(
            "Write to anna@example.com, really: anna@example.com",
            "anna@example.com or otto@example.com",
            None,
            "nothing here",
        ),
        tell=True,
    )
    assert "anna" not in str(found.data.to_pydict())
    (placeholder,) = found.hidden[0]
    assert found.hidden[0][placeholder] == "anna@example.com"
    assert found.hidden[1:] == ({}, {}, {})  # two values: which is meant where is not known
    assert SHIELD.apply(table("anna@example.com")).hidden == ()


def test_an_answer_is_filled_by_its_own_row():
    kept = SHIELD.apply(table("Mail anna@example.com", "Mail otto@example.com"), tell=True).hidden
    said = [f"Schreib an {next(iter(kept[0]))}" for _ in kept]
    assert [filled(a, v) for a, v in zip(said, kept)] == ["Schreib an anna@example.com", "Schreib an otto@example.com"]
    assert filled(0.5, kept[0]) == 0.5
    assert filled("<PHONE>", kept[0]) == "<PHONE>"


def test_selections_forget_what_was_hidden():
    found = SHIELD.apply(table("Mail anna@example.com", "Mail otto@example.com"), tell=True)
    assert found.hidden
    assert found.concat(found).hidden == ()


def test_a_run_learns_no_name_and_its_answers_carry_the_askers(tmp_path, monkeypatch):
    import modelwright

    monkeypatch.chdir(tmp_path)
    pairs = pa.table({
        "en": [f"Write to user{i}@example.com about order number {i % 7}" for i in range(60)],
        "de": [f"Schreib user{i}@example.com wegen Bestellung Nummer {i % 7}" for i in range(60)],
    })  # fmt: skip
    run = modelwright.fit(pairs, target="de", task="translation", recipes=["copy"], budget="30s", name="p")
    asked = {"en": "Write to anna.new@example.com about order number 3"}
    assert modelwright.load(run.folder).predict([asked])[0]["prediction"] == asked["en"]  # to copy is to say it again
    for path in (tmp_path / "runs/p").rglob("*"):
        assert not path.is_file() or b"user3@example.com" not in path.read_bytes(), path
