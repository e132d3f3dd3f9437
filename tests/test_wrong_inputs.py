"""Every row of the table of wrong inputs is answered as the design says: one clear line, the right code, nothing half-written."""

import sys
import time

import pytest

from modelwright.cli import app as cli
from wrong_inputs import CASES, Case


def call(args: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["modelwright", *args])
    monkeypatch.setattr(cli, "LANG", "en")
    # a budget counts from the start of the process, which here is that of the tests
    monkeypatch.setattr("modelwright.core.device.process_start", time.monotonic)
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def _args(case: Case) -> list[str]:
    if case.args[0] != "run" or case.code not in (0, 3):
        return case.args
    extra = [] if "--budget" in case.args else ["--budget", "30s"]
    return [*case.args, *extra, "--recipe", "constant", "--recipe", "linear", "--search", "none"]


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id, marks=[pytest.mark.slow] if c.slow else []) for c in CASES])
def test_answered(case, tmp_path, monkeypatch, capfd):
    for name, content in case.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    code = call(_args(case), monkeypatch)
    said = capfd.readouterr().err
    assert code == case.code, said
    assert "Traceback" not in said
    for word in case.says:
        assert word in said
    if code == 2:
        assert said.startswith("Error: ") or "\nError: " in said
        assert len(said.strip().split("Error: ")[-1].splitlines()) == 1
        assert set(tmp_path.rglob("*")) == before, "bad input left something behind"


def test_the_table_is_long_enough_and_named_once():
    ids = [c.id for c in CASES]
    assert len(ids) >= 60
    assert len(set(ids)) == len(ids)
