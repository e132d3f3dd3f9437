"""Titles of a help in the language that was asked for."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("lang", "titles", "others"),
    [
        ("zh", ("用法：", "参数：", "选项："), ("Usage", "Arguments", "Options:")),
        ("en", ("Usage: ", "Arguments:", "Options:"), ("用法",)),
    ],
)
def test_titles(lang, titles, others):
    command = [sys.executable, "-m", "modelwright.cli", "predict", "--lang", lang, "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert all(t in said for t in titles)
    assert not any(t in said for t in others)
