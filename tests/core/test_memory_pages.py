"""Freed memory is kept for the next step where the C library is GNU's, and can be given back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelwright.core import memory_pages

# 48 MB taken, written and freed over and over: with pages kept only the first time costs faults
_TURNS = """
import resource, numpy as np
from modelwright.core.memory_pages import keep_pages
if {keep}: keep_pages()
for i in range(12):
    if i == 2: before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(6 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> int:
    done = subprocess.run([sys.executable, "-c", _TURNS.format(keep=keep)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(memory_pages._library() is None, reason="the C library is another")
def test_memory_stays_and_goes_back() -> None:
    assert faults(keep=True) < faults(keep=False) / 10
    assert memory_pages.keep_pages()
    assert memory_pages.keep_pages()
    memory_pages.return_pages()


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_pages, "_library", lambda: None)
    assert memory_pages.keep_pages.__wrapped__() is False
    memory_pages.return_pages()
