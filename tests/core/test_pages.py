"""Freed memory is kept for the next step where the C library is GNU's, and can be given back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelwright.core import pages

# 48 MB taken, written and freed over and over: with pages kept only the first time costs faults
_TURNS = """
import resource, numpy as np
from modelwright.core.pages import keep_pages
if {keep}: keep_pages()
for i in range(12):
    if i == 2: before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(6 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> int:
    done = subprocess.run([sys.executable, "-c", _TURNS.format(keep=keep)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(pages._library() is None, reason="the C library is another")
def test_memory_stays_and_goes_back() -> None:
    assert faults(keep=True) < faults(keep=False) / 10
    assert pages.keep_pages()
    assert pages.keep_pages()
    pages.return_pages()


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_library", lambda: None)
    assert pages.keep_pages.__wrapped__() is False
    pages.return_pages()
