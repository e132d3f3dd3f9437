"""Damaged files of every kind, seeded: none ends in a traceback, takes the process with it, or hangs."""

import random

import pytest

from mutated import BAD, KINDS, Worker, damaged, fuzz, look, mutated

pytest.importorskip("polars")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read(kind, tmp_path):
    assert look(kind, KINDS[kind][1](), tmp_path) == "read"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_damaged_files_are_read_or_refused_in_one_sentence():
    counts, bad = fuzz(100_000, 7, list(KINDS), seconds=60)
    assert counts["refused"] > 50
    assert not bad, "\n".join(f"{b['said']} {b['kind']} {b['index']} {b.get('what', '')[-600:]}" for b in bad[:5])


def test_damage_follows_from_the_seed_and_fits_its_checksums():
    whole = KINDS["png"][1]()
    one, two = (mutated("png", whole, random.Random("a"), b"") for _ in range(2))
    assert one == two != whole
    assert damaged(b"", random.Random(1), b"") != b""


@pytest.mark.slow
def test_a_worker_that_falls_is_seen_and_replaced(monkeypatch):
    worker = Worker()
    try:
        first = worker._process.pid
        worker._process.kill()
        assert worker.ask("csv", 0, 0)["said"] == "crash"
        assert worker._process.pid != first
        assert worker.ask("csv", 0, 0)["said"] not in BAD
    finally:
        worker.close()
