"""`modelwright anonymise`: copies, keys, the way back, the ledger, and one clear line for what cannot be done."""

import json

import pytest

from modelwright.cli import app as cli
from modelwright.core.errors import ModelwrightError
from modelwright.core.keyref import Key, own_key, write_keys
from modelwright.privacy.audit import verify


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    lines = [f"138{20260000 + i},canary{i}@qq.com wrote about 138{20260000 + i},{20 + i % 7},{i}" for i in range(30)]
    (tmp_path / "in.csv").write_text("\n".join(["phone,text,age,n", *lines]) + "\n")
    return tmp_path


def call(*words):
    cli.app(["anonymise", *words], standalone_mode=False)


def test_there_and_back_with_a_trail(here, capsys):
    write_keys("v.key", [Key.new()], new=True)
    call("in.csv", "out.csv", "--key-file", "p.key", "--remember", "names.mwv", "--vault", "v.key", "--json")
    told = capsys.readouterr()
    facts = json.loads(told.out)
    assert {d["action"] for d in facts["done"]} == {"pseudonym"}
    assert "A new key was made: p.key" in told.err
    for text in (told.out, told.err, (here / "out.csv").read_text()):
        assert "canary" not in text
        assert "1382026" not in text
    call("out.csv", "back.csv", "--reveal", "names.mwv", "--vault", "v.key", "--json")
    assert json.loads(capsys.readouterr().out)["unknown"] == 0
    plain = [(here / n).read_text().replace('"', "") for n in ("in.csv", "back.csv")]
    assert plain[0] == plain[1]
    problems, entries = verify(here / "runs" / "ledger.jsonl", own_key())
    assert problems == []
    assert [e["did"] for e in entries][-2:] == ["copy anonymised", "pseudonyms turned back"]
    ledger = (here / "runs" / "ledger.jsonl").read_text()
    assert "canary" not in ledger
    assert "1382026" not in ledger


def test_an_encrypted_source_and_copy(here):
    from modelwright.core.encrypted_files import unlocked
    from modelwright.data.sources import batches
    from modelwright.privacy.vault import encrypt_file

    key = Key.new()
    write_keys("v.key", [key], new=True)
    encrypt_file(here / "in.csv", here / "in.csv.mwv", key)
    call("in.csv.mwv", "out.csv.mwv", "--vault", "v.key", "--private", "placeholder")
    assert b"wrote" not in (here / "out.csv.mwv").read_bytes()
    with unlocked("v.key"):
        assert next(iter(batches(here / "out.csv.mwv"))).column("text")[0].as_py() == "<EMAIL> wrote about <PHONE>"


def test_k_is_told(here, capsys):
    call("in.csv", "out.csv", "--k", "5", "--quasi", "age", "--json")
    told = capsys.readouterr()
    assert json.loads(told.out)["anonymity"]["smallest"] >= 5
    assert "k = 5: `age`" in told.err


def test_quiet_says_nothing_and_writes_all_the_same(here, capsys):
    call("in.csv", "out.csv", "-q")
    assert capsys.readouterr().err == ""
    assert (here / "out.csv").is_file()


WRONG = {
    "unknown action": (["in.csv", "out.csv", "--private", "masc:phone"], "mask"),
    "unknown type": (["in.csv", "out.csv", "--private", "mask:text/phonee"], "phone"),
    "unknown column": (["in.csv", "out.csv", "--private", "mask:txt"], "text"),
    "unknown recogniser": (["in.csv", "out.csv", "--recogniser", "presido"], "presidio"),
    "key file without a key": (["in.csv", "out.csv", "--key-file", "empty"], "holds no key"),
    "no key of the vault": (["in.csv", "out.csv", "--remember", "n.mwv"], "--vault"),
    "vault key that is not there": (["in.csv", "out.csv", "--remember", "n.mwv", "--vault", "none.key"], "none.key"),
    "output exists": (["in.csv", "empty"], "--force"),
    "output of no known format": (["in.csv", "out.docx"], ".csv"),
    "no such file": (["nothing.csv", "out.csv"], "nothing.csv"),
    "unreadable file": (["bad.parquet", "out.csv"], "bad.parquet"),
    "k alone": (["in.csv", "out.csv", "--k", "3"], "--quasi"),
    "no such store": (["in.csv", "out.csv", "--reveal", "n.mwv"], "--remember"),
    "reveal and more": (["in.csv", "out.csv", "--reveal", "n.mwv", "--k", "3"], "does nothing else"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_done_is_one_line_in_both_languages(here, case):
    (here / "empty").write_text("")
    (here / "bad.parquet").write_bytes(b"PAR1 no PAR1")
    before = sorted(p.name for p in here.iterdir())
    words, says = WRONG[case]
    with pytest.raises(ModelwrightError) as told:
        call(*words)
    assert told.value.exit_code == 2
    en, zh = told.value.words.en, told.value.words.zh
    assert says in en
    assert "\n" not in en + zh
    assert any("\u4e00" <= c <= "\u9fff" for c in zh)
    assert sorted(p.name for p in here.iterdir() if not p.name.endswith(".lock")) == before
