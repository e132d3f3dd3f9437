"""The vault: whole files or none, flat memory, rotation that a crash cannot break, and data that is read encrypted."""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.encrypted_files import unlocked
from modelwright.core.envelope import HEADER, SLOTS, is_sealed
from modelwright.core.errors import DataError, OptionError, VaultError
from modelwright.core.keyref import Key, write_keys
from modelwright.core.stored_data import sealed_at
from modelwright.data.sources import read
from modelwright.privacy import vault
from modelwright.privacy.vault import decrypt_file, encrypt_file, files_below, reencrypt, rewrap, status
from modelwright.release.write import Writer

KEY, NEW = Key.new(), Key.new()


@pytest.fixture
def ref(tmp_path) -> str:
    place = str(tmp_path / "v.key")
    write_keys(place, [KEY], new=True)
    return place


@pytest.fixture
def sealed(tmp_path) -> Path:
    (tmp_path / "plain.bin").write_bytes(bytes(range(256)) * 20)
    encrypt_file(tmp_path / "plain.bin", tmp_path / "d.mwv", KEY, chunk=1000)
    return tmp_path / "d.mwv"


def content(path: Path, *keys: Key) -> bytes:
    out = path.with_suffix(".out")
    decrypt_file(path, out, keys or [KEY], force=True)
    return out.read_bytes()


def test_round_trip_and_what_it_refuses(tmp_path, sealed):
    assert content(sealed) == (tmp_path / "plain.bin").read_bytes()
    assert stat.S_IMODE(sealed.stat().st_mode) == stat.S_IMODE(sealed.with_suffix(".out").stat().st_mode) == 0o600
    with pytest.raises(VaultError, match="--force"):
        encrypt_file(tmp_path / "plain.bin", sealed, KEY)
    with pytest.raises(VaultError, match="encrypted already"):
        encrypt_file(sealed, tmp_path / "twice.mwv", KEY)
    with pytest.raises(VaultError, match=r"Cannot read|no file"):
        files_below([tmp_path / "nothing"])
    with pytest.raises(VaultError, match="Wrong key"):
        decrypt_file(sealed, tmp_path / "x", [NEW])
    assert not (tmp_path / "x").exists()


def test_nothing_is_left_where_a_chunk_does_not_open(tmp_path, sealed):
    data = bytearray(sealed.read_bytes())
    data[-2000] ^= 1
    sealed.write_bytes(data)
    before = set(tmp_path.iterdir())
    with pytest.raises(VaultError, match="changed"):
        decrypt_file(sealed, tmp_path / "out.bin", [KEY])
    assert set(tmp_path.iterdir()) == before


def test_the_plain_file_goes_only_once_the_other_was_read_back(tmp_path, monkeypatch):
    plain = tmp_path / "a.csv"
    plain.write_bytes(b"x,y\n" * 1000)
    real = vault.SealWriter._put

    def broken(self, data, *, last):
        real(self, bytes(len(data)), last=last)

    monkeypatch.setattr(vault.SealWriter, "_put", broken)
    with pytest.raises(VaultError, match="plain file is kept"):
        encrypt_file(plain, tmp_path / "a.csv.mwv", KEY, remove=True)
    assert plain.exists()
    assert not (tmp_path / "a.csv.mwv").exists()
    monkeypatch.undo()
    encrypt_file(plain, tmp_path / "a.csv.mwv", KEY, remove=True)
    assert not plain.exists()
    assert content(tmp_path / "a.csv.mwv") == b"x,y\n" * 1000


def test_rotation_leaves_the_data_untouched(sealed):
    before = sealed.read_bytes()
    assert rewrap(sealed, [KEY], NEW)
    after = sealed.read_bytes()
    assert after[HEADER:] == before[HEADER:]
    assert after[:HEADER] != before[:HEADER]
    with pytest.raises(VaultError, match="Wrong key"):
        content(sealed, KEY)
    assert content(sealed, NEW)
    assert not rewrap(sealed, [KEY], NEW)  # nothing left to do
    assert status(sealed, [NEW]).key_ids == (NEW.id,)


def test_a_crash_at_any_write_of_a_rotation_leaves_a_file_that_opens(tmp_path, sealed, monkeypatch):
    real = vault._put
    whole = content(sealed)
    for crash_at in (1, 2):
        for torn in (False, True):
            place = tmp_path / f"copy-{crash_at}-{torn}.mwv"
            shutil.copy(sealed, place)
            calls = 0

            def put(file, at, data, crash_at=crash_at, torn=torn):
                nonlocal calls
                calls += 1
                if calls == crash_at:
                    if torn:
                        real(file, at, data[: len(data) // 2])
                    raise KeyboardInterrupt
                real(file, at, data)

            monkeypatch.setattr(vault, "_put", put)
            with pytest.raises(KeyboardInterrupt):
                rewrap(place, [KEY], NEW)
            monkeypatch.setattr(vault, "_put", real)
            assert content(place, KEY, NEW) == whole
            rewrap(place, [KEY], NEW)
            assert content(place, NEW) == whole
            assert status(place, [NEW]).key_ids == (NEW.id,)


def test_encrypting_anew_changes_every_byte_of_the_data(sealed):
    before, whole = sealed.read_bytes(), content(sealed)
    reencrypt(sealed, [KEY], NEW)
    after = sealed.read_bytes()
    assert content(sealed, NEW) == whole
    assert after[HEADER : HEADER + 200] != before[HEADER : HEADER + 200]
    damaged = bytearray(after)
    damaged[HEADER + 10] ^= 1
    sealed.write_bytes(damaged)
    with pytest.raises(VaultError):
        reencrypt(sealed, [NEW], KEY)
    assert sealed.read_bytes() == damaged  # nothing half-written


def test_status_says_what_is_wrong(tmp_path, sealed):
    assert status(tmp_path / "plain.bin", [KEY]).sealed is False
    assert status(sealed, [KEY]).size == 5120
    assert "Wrong key" in str(status(sealed, [NEW]).problem)
    data = bytearray(sealed.read_bytes())
    data[HEADER + 40] ^= 1
    sealed.write_bytes(data)
    assert status(sealed, [KEY]).problem is None  # the end stands
    assert "chunk 1 was changed" in str(status(sealed, [KEY], deep=True).problem)
    data[SLOTS[0] + 30] ^= 1
    sealed.write_bytes(data)
    assert "header" in str(status(sealed, [KEY]).problem)


def test_memory_stays_flat(tmp_path):
    """64 MB pass through in a few MB more: the program is measured from outside, encrypting and then decrypting."""
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom modelwright.core.keyref import Key\n"
        "from modelwright.privacy.vault import decrypt_file, encrypt_file\nkey, place = Key.new(), Path(sys.argv[1])\n"
        "(place / 's').write_bytes(b'x' * 1000)\n"
        "encrypt_file(place / 's', place / 's.mwv', key); decrypt_file(place / 's.mwv', place / 's2', [key])\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\nbefore = peak()\n"
        "with open(place / 'b', 'wb') as f:\n    [f.write(bytes(1 << 20)) for _ in range(64)]\n"
        "encrypt_file(place / 'b', place / 'b.mwv', key); decrypt_file(place / 'b.mwv', place / 'b2', [key])\n"
        "assert (place / 'b2').stat().st_size == 64 << 20\nprint(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 16, "MB more"


ROWS = {"text": ["好", "bad", 'fine, "quoted"'], "n": ["1", "2", "3"]}


def _files(folder: Path) -> dict[str, Path]:
    """Write the same rows in every format that is read."""
    import gzip
    import zipfile

    import openpyxl

    table = pa.table(ROWS)
    text = 'text,n\n好,1\nbad,2\n"fine, ""quoted""",3\n'
    lines = "\n".join(json.dumps(r, ensure_ascii=False) for r in table.to_pylist())
    (folder / "a.csv").write_text(text)
    (folder / "gb.csv").write_bytes(text.encode("gb18030"))
    (folder / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "a.jsonl").write_text(lines)
    pq.write_table(table, folder / "a.parquet")
    with pa.OSFile(str(folder / "a.arrow"), "wb") as f, pa.ipc.new_file(f, table.schema) as w:
        w.write_table(table)
    with pa.OSFile(str(folder / "s.arrow"), "wb") as f, pa.ipc.new_stream(f, table.schema) as w:
        w.write_table(table)
    book = openpyxl.Workbook()
    for line in [list(ROWS), *zip(*ROWS.values(), strict=True)]:
        book.active.append(line)
    book.save(folder / "a.xlsx")
    with zipfile.ZipFile(folder / "a.zip", "w") as z:
        z.writestr("a.csv", text)
    return {p.name: p for p in sorted(folder.iterdir())}


def test_every_format_reads_the_same_encrypted(tmp_path, ref):
    (tmp_path / "f").mkdir()
    for name, path in _files(tmp_path / "f").items():
        plain = read(path)
        hidden = tmp_path / f"{name}.mwv"
        encrypt_file(path, hidden, KEY)
        with pytest.raises(VaultError, match="--vault"):
            read(hidden)
        with unlocked(ref):
            again = read(hidden)
        assert again.to_pydict() == plain.to_pydict(), name
        assert again.schema == plain.schema


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.arrow", "a.jsonl", "a.csv.gz", "a.xlsx", "a.zip"])
def test_a_damaged_encrypted_file_is_refused_by_every_reader(tmp_path, ref, name):
    (tmp_path / "f").mkdir()
    path = _files(tmp_path / "f")[name]
    hidden = tmp_path / f"{name}.mwv"
    encrypt_file(path, hidden, KEY, chunk=100)
    data = bytearray(hidden.read_bytes())
    at = HEADER + 50 if len(data) < HEADER + 300 else (HEADER + len(data)) // 2
    data[at] ^= 1
    hidden.write_bytes(data)
    with unlocked(ref), pytest.raises(VaultError, match=r"was changed"):
        read(hidden)


def test_an_encrypted_folder_of_pictures_is_read(tmp_path, ref):
    from modelwright.core.schema import Column
    from modelwright.data.infer import infer_schema
    from modelwright.data.kinds.base import content as bytes_of
    from modelwright.data.kinds.base import kind_of

    cells = kind_of("image").sample([0, 1] * 4, 0)
    for i, cell in enumerate(cells):
        (tmp_path / "d" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        plain = tmp_path / "d" / "ab"[i % 2] / f"{i}.png"
        plain.write_bytes(cell if isinstance(cell, bytes) else cell["bytes"])
        encrypt_file(plain, sealed_at(plain), KEY, remove=True)
    raw = read(tmp_path / "d")
    assert raw.column("label").to_pylist() == ["a"] * 4 + ["b"] * 4
    assert infer_schema(raw, target="label")["image"].modality == "image"
    with unlocked(ref):
        cell = kind_of("image").read(raw.column("image")[0].as_py(), Column("image", "image"), tmp_path)
        assert bytes_of(cell)[:4] == b"\x89PNG"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_answers_are_written_encrypted_or_not_at_all(tmp_path, ref, suffix):
    out, raw = tmp_path / f"out{suffix}.mwv", pa.table({"a": [1, 2]})
    answers = [{"prediction": "x", "confidence": 1.0}, {"prediction": "y", "confidence": 0.5}]
    with pytest.raises(VaultError, match="--vault"):
        Writer(out)
    with unlocked(ref):
        with Writer(out) as writer:
            writer.write(raw, answers, ClassesCodec(["x", "y"], [1, 1]))
        assert is_sealed(out)
        assert read(out).column("prediction").to_pylist() == ["x", "y"]
        stopped = Writer(tmp_path / f"no{suffix}.mwv")
        with contextlib.suppress(DataError), stopped as writer:
            writer.write(raw, answers, ClassesCodec(["x", "y"], [1, 1]))
            raise DataError("stop")
    assert not [p for p in tmp_path.iterdir() if "no." in p.name]


def call(*args: str) -> None:
    from modelwright.cli import app as cli

    cli.app(list(args), standalone_mode=False)


def test_the_verbs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    os.mkdir("runs")
    call("vault", "init", "v.key")
    with pytest.raises(VaultError):
        call("vault", "init", "v.key")
    os.makedirs("d/sub")
    Path("d/a.csv").write_text("canary-secret")
    Path("d/sub/b.csv").write_text("b")
    Path("d/.hidden").write_text("h")
    with pytest.raises(OptionError, match="--vault"):
        call("vault", "encrypt", "d")
    call("vault", "encrypt", "d", "--vault", "v.key", "--remove")
    assert sorted(p.name for p in Path("d").rglob("*") if p.is_file()) == [".hidden", "a.csv.mwv", "b.csv.mwv"]
    capsys.readouterr()
    monkeypatch.setenv("MODELWRIGHT_VAULT", "v.key")
    call("vault", "status", "d", "--json")
    first = json.loads(capsys.readouterr().out)
    assert [f["encrypted"] for f in first["files"]] == [True, True]
    call("vault", "rotate", "d")
    call("vault", "rotate", "d", "--deep", "--forget")
    assert len(Path("v.key").read_text().split()) == 1
    call("vault", "init", "other.key")
    call("vault", "rotate", "d", "--new", "other.key")
    with pytest.raises(VaultError, match="Wrong key"):
        call("vault", "decrypt", "d", "-o", "plain")
    monkeypatch.setenv("MODELWRIGHT_VAULT", "other.key")
    call("vault", "decrypt", "d", "-o", "plain")
    assert Path("plain/a.csv").read_text() == "canary-secret"
    assert Path("plain/sub/b.csv").read_text() == "b"
    call("vault", "decrypt", "d/a.csv.mwv", "-o", "one.csv")
    assert Path("one.csv").read_text() == "canary-secret"
    ledger = Path("runs/ledger.jsonl").read_text()
    did = [json.loads(line)["did"] for line in ledger.splitlines()]
    assert did == [
        "key made",
        "encrypted",
        "key rotated",
        "key rotated",
        "key made",
        "key rotated",
        "decrypted",
        "decrypted",
    ]
    assert "canary" not in ledger
    call("vault", "init", "env:MW_SOME")
    assert "mwk_" in capsys.readouterr().err
