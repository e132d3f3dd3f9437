"""A whole run in private: no connection leaves, nothing of a row stands in the open, and the trail is kept."""

import ctypes
import json
import os
import platform
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelwright import api
from modelwright.core.errors import OptionError, VaultError
from modelwright.core.keyref import Key, own_key, write_keys
from modelwright.data import samples
from modelwright.privacy.audit import verify
from modelwright.privacy.subjects import trace

QUICK = {"budget": "30s", "recipes": ["constant", "linear"], "search": "none", "ensemble": False}
CANARY = "canarywort"


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """A small table with the subject of each row, whose every text carries a canary of its own."""
    monkeypatch.chdir(tmp_path)
    lines, turn = ["user,channel,text,queue"], random.Random(0)
    for i in range(120):
        side = turn.random() < 0.5
        wrong = turn.random() < 0.25  # so that the report has mistakes to quote
        words = ("refund money please", "parcel never arrived")[side != wrong]
        label = ("billing", "delivery")[side]
        lines.append(f"u{i // 4},{turn.choice(['mail', 'app'])},{words} {CANARY}{turn.randbytes(3).hex()},{label}")
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "d.csv"


def everything(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


def test_with_a_vault_no_row_stands_in_the_open(data, tmp_path):
    plain = api.fit(data, "queue", name="plain", **QUICK)
    assert CANARY.encode() in everything(plain.folder)  # the search would find what is there
    write_keys("v.key", [Key.new()], new=True)
    run = api.fit(data, "queue", name="hidden", vault="v.key", **QUICK)
    found = everything(run.folder)
    assert CANARY.encode() not in found
    assert not [p for p in run.folder.rglob("*") if p.name == "model.json" and "candidates" in p.parts]
    assert {p.suffix for p in (run.folder / "candidates").iterdir()} == {".mwv"}
    assert (run.folder / "data" / "quoted.json.mwv").is_file()
    row = {"channel": "app", "text": "where is my money", "user": "u1"}
    assert run.predict(row)[0]["prediction"] in ("billing", "delivery")
    from modelwright.core.encrypted_files import unlocked
    from modelwright.core.run import RunFolder
    from modelwright.pipeline.report.write import write_page

    with unlocked("v.key"):
        write_page(RunFolder(run.folder), "en", tmp_path / "full.html")
    assert CANARY in (tmp_path / "full.html").read_text()
    assert CANARY not in (run.folder / "report.html").read_text()


def test_an_encrypted_run_resumes_with_its_key_only(data, monkeypatch):
    from modelwright.cli.verbs.run import run_and_print

    write_keys("v.key", [Key.new()], new=True)
    monkeypatch.setattr(
        "modelwright.core.device.process_start", time.monotonic
    )  # else the budget counts from the tests' start
    wish = {"data": str(data), "target": "queue", "vault": "v.key", **QUICK}
    assert run_and_print(wish, None, "r", Path("runs"), None, "en", True, False) == 0
    monkeypatch.setattr("modelwright.tune.planner.Planner.train", lambda self, *a, **k: None)  # nothing is trained anew
    assert run_and_print({"budget": "30s"}, None, None, Path("runs"), "runs/r", "en", True, False) == 0
    facts = json.loads(Path("runs/r/report.json").read_text())
    assert {r["name"] for r in facts["leaderboard"] if r["status"] == "ok"} >= {"constant", "linear"}
    write_keys("other.key", [Key.new()], new=True)
    with pytest.raises(VaultError, match="Wrong key"):
        run_and_print({"vault": "other.key"}, None, None, Path("runs"), "runs/r", "en", True, False)


def test_a_run_with_consent_keeps_what_erasure_needs(data, tmp_path):
    rows = [f"u{i},training,2025-01-01,{'2025-02-01' if i < 3 else ''}" for i in range(28)]
    Path("c.csv").write_text("\n".join(["user,purpose,given,withdrawn", *rows]) + "\n")
    seen: list[object] = []
    run = api.fit(data, "queue", consent="c.csv", subject="user", purpose="training", listeners=[seen.append], **QUICK)
    assert any("12 consent withdrawn" in str(e) and "8 without consent" in str(e) for e in seen)
    facts = json.loads((run.folder / "data" / "consent.json").read_text())
    assert facts["left_out"] == {"withdrawn": 12, "none": 8}
    assert "user" not in [c.name for c in run.predictor.schema.inputs]
    assert any(f["code"] == "consent" for f in run.facts["findings"])
    key = own_key()
    traces = {u: trace(run.folder / "data", key, u) for u in (f"u{i}" for i in range(30))}
    assert not any(t.trained or t.tested for u, t in traces.items() if u in ("u0", "u1", "u2", "u28", "u29"))
    assert all(t.trained or t.tested for u, t in traces.items() if 3 <= int(u[1:]) < 28)
    # rows keep their numbers in the file: those of the test are the ones that stand there
    lines = data.read_text().splitlines()[1:]
    tested = json.loads((run.folder / "data" / "splits.json").read_text())["test"]
    assert {u for u, t in traces.items() if t.tested} == {lines[r - 1].split(",")[0] for r in tested}
    from modelwright.cli import app as cli

    whose = next(u for u, t in traces.items() if t.trained)
    texts = [x.split(",")[2] for x in lines if x.startswith(f"{whose},")]
    cli.app(["consent", "erase", whose, "--runs", "runs"], standalone_mode=False)
    left = everything(run.folder) + data.read_bytes()
    assert not [t for t in texts if t.encode() in left]
    problems, entries = verify(Path("runs/ledger.jsonl"), key)
    assert problems == []
    assert [e["did"] for e in entries] == ["run", "subject erased"]
    assert CANARY not in Path("runs/ledger.jsonl").read_text()
    with pytest.raises(OptionError, match="--subject"):
        api.fit(data, "queue", consent="c.csv", purpose="training", **QUICK)


# A filter of system calls that lets no process of the test open a socket to a network (AF_INET, AF_INET6), whatever
# library it is in: seccomp needs no rights, holds for all threads and children, and cannot be taken off again.
_SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
_DENIED = """
import ctypes, os, struct, sys
arch, number = int(sys.argv[1]), int(sys.argv[2])
LD, JEQ, RET, ALLOW, DENY = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000 | 13
code = [(LD, 0, 0, 4), (JEQ, 0, 5, arch), (LD, 0, 0, 0), (JEQ, 0, 3, number), (LD, 0, 0, 16), (JEQ, 2, 0, 2), (JEQ, 1, 0, 10),
        (RET, 0, 0, ALLOW), (RET, 0, 0, DENY)]
rules = b"".join(struct.pack("HBBI", *c) for c in code)
held = ctypes.create_string_buffer(rules)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("rules", ctypes.c_void_p)]
program = Program(len(code), ctypes.addressof(held))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
import socket
for family in (socket.AF_INET, socket.AF_INET6):
    try:
        socket.socket(family, socket.SOCK_STREAM)
    except PermissionError:
        continue
    raise SystemExit("the filter does not hold")
asked = []
sys.addaudithook(lambda name, a: asked.append(f"{name} {a}") if name in ("socket.connect", "socket.getaddrinfo", "socket.__new__") else None)
from modelwright.cli import app as cli
sys.argv = ["modelwright", *sys.argv[3:]]
try:
    cli.main()
except SystemExit as e:
    inet = [a for a in asked if "AF_INET" in a or "getaddrinfo" in a or "('" in a]
    sys.stderr.write(f"asked for: {inet}\\n")
    raise SystemExit(9 if inet else e.code)
"""


@pytest.mark.skipif(platform.system() != "Linux" or platform.machine() not in _SOCKET, reason="seccomp is Linux's")
def test_a_private_run_opens_no_connection(data, tmp_path):
    """The whole command line, from the data to the report and answers, with networks refused by the kernel."""
    if ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) < 0 and os.environ.get("CI_NO_SECCOMP"):
        pytest.skip("this kernel has no seccomp")
    arch, number = _SOCKET[platform.machine()]
    script = tmp_path / "denied.py"
    script.write_text(_DENIED)

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        told = [sys.executable, str(script), str(arch), str(number), *args]
        return subprocess.run(told, capture_output=True, text=True, check=False, timeout=200)

    samples.write("tickets", tmp_path)
    recipes = [x for r in ("constant", "linear", "trees") for x in ("--recipe", r)]
    wish = ["--target", "queue", "--budget", "28s", "--search", "none", "--name", "private", *recipes]
    ran = call("run", "tickets.csv", *wish)
    assert ran.returncode == 0, ran.stderr
    answered = call("predict", "private", "tickets.csv", "-o", "answers.csv")
    assert answered.returncode == 0, answered.stderr
    assert (tmp_path / "answers.csv").stat().st_size > 1000
    assert struct.calcsize("HBBI") == 8
