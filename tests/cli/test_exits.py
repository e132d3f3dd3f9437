"""What a command line that cannot be read ends with: one sentence in the language asked for, and code 2."""

import sys

import pytest

from modelwright.cli.app import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "x.csv", "--too-little", "3x"], "Error: --too-little: expected a number, received `3x`. See: "),
        (["run", "x.csv", "--horizon", "two"], "Error: --horizon: expected a whole number, received `two`. See: "),
        (["run", "--config", "none.yaml"], "Error: There is no config file none.yaml.\n"),
    ],
)
def test_values_that_cannot_be_read_are_told_with_what_was_expected(arguments, said, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["modelwright", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(said)
    assert not list(tmp_path.iterdir())
