"""Encrypted files: what is written comes back; whatever was changed, swapped, cut or appended does not open."""

import io
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.encrypted_files import SealReader, SealWriter, open_plain, unlocked, vault_keys
from modelwright.core.envelope import HEADER, SLOT_SIZE, SLOTS, TAG
from modelwright.core.errors import MissingExtra, VaultError
from modelwright.core.keyref import Key, write_keys

KEY = Key.new()
CHUNK = 64
FULL = CHUNK + TAG


def seal(data: bytes, key: Key = KEY, chunk: int = CHUNK, parts: list[int] | None = None) -> bytearray:
    """Encrypt bytes, written in parts of the sizes given."""
    out, at = io.BytesIO(), 0
    with SealWriter(out, key, chunk=chunk) as writer:
        for size in parts or []:
            writer.write(data[at : at + size])
            at += size
        writer.write(data[at:])
    return bytearray(out.getvalue())


def opened(sealed: bytes, *keys: Key) -> bytes:
    return SealReader(io.BytesIO(bytes(sealed)), keys or [KEY], "f.mwv").read()


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=5 * CHUNK), parts=st.lists(st.integers(0, 2 * CHUNK), max_size=6))
def test_what_is_written_comes_back(data, parts):
    sealed = seal(data, parts=parts)
    assert opened(sealed) == data
    assert b"".join(SealReader(io.BytesIO(sealed), [KEY], "f").chunks()) == data
    count = max(1, -(-len(data) // CHUNK))
    assert len(sealed) == HEADER + len(data) + TAG * count


@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(min_size=1, max_size=5 * CHUNK), seeks=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 200)))
)
def test_it_can_be_sought_in_like_a_plain_file(data, seeks):
    plain, reader = io.BytesIO(data), SealReader(io.BytesIO(seal(data)), [KEY], "f")
    assert reader.seek(0, 2) == len(data)
    for at, size in seeks:
        plain.seek(at), reader.seek(at)
        assert reader.read(size) == plain.read(size)
        assert reader.tell() == plain.tell()


def test_no_two_files_share_a_byte_of_text_and_none_shows_its_content():
    data = b"canary-1" * 40
    one, two = seal(data), seal(data)
    assert b"canary" not in one
    assert one[HEADER:] != two[HEADER:]
    same = sum(a == b for a, b in zip(one[HEADER:], two[HEADER:], strict=True))
    assert same < 0.05 * len(data)


def test_a_wrong_key_is_told_apart_from_damage():
    other = Key.new()
    with pytest.raises(VaultError, match=f"Wrong key: f.mwv is encrypted under {KEY.id}, the key given is {other.id}"):
        opened(seal(b"x"), other)
    assert opened(seal(b"x"), other, KEY) == b"x"
    with pytest.raises(VaultError, match="--vault"):
        SealReader(io.BytesIO(seal(b"x")), [], "f.mwv")


@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK, 3 * CHUNK + 9])
def test_a_flipped_byte_anywhere_is_refused(size):
    data = bytes(i % 251 for i in range(size))
    sealed = seal(data)
    spare = range(SLOTS[1], SLOTS[1] + SLOT_SIZE)  # empty: what stands there opens nothing and is not believed
    step = 1 if size < 2 * CHUNK else 7
    for at in range(0, len(sealed), step):
        sealed[at] ^= 0x40
        if at in spare:
            assert opened(sealed) == data
        else:
            with pytest.raises(VaultError):
                opened(sealed)
        sealed[at] ^= 0x40
    assert opened(sealed) == data


@pytest.mark.parametrize("size", [0, 5, CHUNK, 4 * CHUNK, 4 * CHUNK + 30])
def test_a_file_cut_anywhere_is_refused(size):
    sealed = seal(bytes(size))
    for end in range(len(sealed)):
        with pytest.raises(VaultError):
            opened(sealed[:end])


def chunk_at(sealed: bytearray, index: int) -> slice:
    start = HEADER + index * FULL
    return slice(start, min(start + FULL, len(sealed)))


def test_each_attack_is_named():
    data = bytes(range(256)) * 2
    sealed = seal(data)
    cut = sealed[: HEADER + 3 * FULL]
    with pytest.raises(VaultError, match=r"f\.mwv was cut"):
        opened(cut)
    swapped = bytearray(sealed)
    swapped[chunk_at(sealed, 1)], swapped[chunk_at(sealed, 4)] = (
        sealed[chunk_at(sealed, 4)],
        sealed[chunk_at(sealed, 1)],
    )
    with pytest.raises(VaultError, match="chunk 2 holds what belongs to chunk 5"):
        opened(swapped)
    changed = bytearray(sealed)
    changed[HEADER + 2 * FULL + 3] ^= 1
    with pytest.raises(VaultError, match="chunk 3 was changed"):
        opened(changed)
    for more in (b"x", sealed[chunk_at(sealed, 2)], sealed[chunk_at(sealed, 7)], seal(b"y")[HEADER:]):
        with pytest.raises(VaultError, match=r"appended after its end"):
            opened(sealed + more)
    foreign = bytearray(sealed)
    foreign[chunk_at(sealed, 3)] = seal(data)[chunk_at(sealed, 3)]
    with pytest.raises(VaultError, match="chunk 4 was changed"):
        opened(foreign)
    repeated = sealed[: HEADER + FULL] + sealed[HEADER:]
    with pytest.raises(VaultError):
        opened(repeated)
    missing = sealed[: HEADER + 2 * FULL] + sealed[HEADER + 3 * FULL :]
    with pytest.raises(VaultError):
        opened(missing)
    graft = seal(data)[:HEADER] + sealed[HEADER:]  # another file's head, under the same key of the vault
    with pytest.raises(VaultError):
        opened(graft)
    newer = bytearray(sealed)
    newer[7:8] = b"2"
    with pytest.raises(VaultError, match="another version"):
        opened(newer)
    with pytest.raises(VaultError, match="not an encrypted file"):
        opened(b"text,label\n")


def test_a_block_that_fails_leaves_a_file_that_is_refused():
    out = io.BytesIO()

    def fail():
        with SealWriter(out, KEY, chunk=CHUNK) as writer:
            writer.write(bytes(3 * CHUNK + 1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with pytest.raises(VaultError, match="was cut"):
        opened(out.getvalue())


def test_what_was_changed_is_refused_before_any_of_it_is_given(tmp_path):
    sealed = seal(bytes(4 * CHUNK))
    sealed[HEADER + 2 * FULL] ^= 1
    (tmp_path / "f.mwv").write_bytes(sealed)
    write_keys(str(tmp_path / "k"), [KEY], new=True)
    given = []

    def take():
        with open_plain(tmp_path / "f.mwv") as f:
            given.extend(iter(lambda: f.raw.read(CHUNK), b""))

    with unlocked(str(tmp_path / "k")), pytest.raises(VaultError):
        take()
    assert len(given) == 2


def test_the_vault_is_open_inside_the_block_only(tmp_path, monkeypatch):
    write_keys(str(tmp_path / "k"), [KEY], new=True)
    other = Key.new()
    monkeypatch.setenv("MW_OTHER", other.text())
    assert vault_keys() == []
    with unlocked(str(tmp_path / "k")):
        assert vault_keys() == [KEY]
        with unlocked("env:MW_OTHER"):
            assert vault_keys() == [other]
        with unlocked(None):
            assert vault_keys() == [KEY]
    assert vault_keys() == []
    monkeypatch.setenv("MODELWRIGHT_VAULT", "env:MW_OTHER")
    assert vault_keys() == [other]
    plain = tmp_path / "p.txt"
    plain.write_bytes(b"plain")
    with open_plain(plain) as f:
        assert f.read() == b"plain"


def test_without_the_library_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(MissingExtra, match="privacy"):
        seal(b"x")
