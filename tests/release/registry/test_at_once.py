"""Many processes at once agree, and one that is killed leaves nothing half-made."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from modelwright.release.check import verify
from modelwright.release.registry.store import Registry

_BUSY = """
import sys
from modelwright.release.registry.store import Registry
db, blobs, run, rounds = sys.argv[1:]
registry = Registry(db, blobs)
print("ready", flush=True)
for i in range(int(rounds)):
    made = registry.release(run, "desk")
    print(made.version, flush=True)
    registry.promote("desk", made.version, "challenger" if i % 2 else "champion") if made.version > 1 else None
"""
_KILLED = """
import os, sys
from modelwright.privacy import ledger
from modelwright.release.registry.store import Registry
db, blobs, run, what = sys.argv[1:]
registry = Registry(db, blobs)
ledger.record = lambda *_, **__: os.kill(os.getpid(), 9)  # written, and not yet committed
registry.release(run, "desk") if what == "release" else getattr(registry, what)("desk", *([2] if what == "promote" else []))
"""


def _start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def _whole(registry: Registry) -> None:
    """Check that a registry is of one piece: versions without gaps, one release an alias, each bundle whole, each change told."""
    found = registry.releases("desk")
    assert [r.version for r in found] == list(range(len(found), 0, -1))
    assert [a for r in found for a in r.aliases].count("champion") == 1
    history = registry.history("desk")
    assert [h["revision"] for h in history] == list(range(registry.revision(), 0, -1))
    assert sorted(h["version"] for h in history if h["did"] == "release") == [r.version for r in reversed(found)]
    last = next(h["version"] for h in history if h["alias"] == "champion")
    assert registry.get("desk").version == last
    for release in found:
        verify(registry.folder(release))


def test_eight_processes_release_and_promote_at_once(db, make_run, tmp_path):
    run, blobs = make_run(), tmp_path / "bundles"
    started = [_start(_BUSY, db, blobs, run, 3) for _ in range(8)]
    told = [process.communicate(timeout=200)[0].split()[1:] for process in started]
    assert [p.returncode for p in started] == [0] * 8
    versions = sorted(int(v) for t in told for v in t)
    assert versions == list(range(1, 25)), "each its own version, and none left out"
    _whole(Registry(db, blobs))


def test_a_process_killed_within_a_change_leaves_what_was(registry, db, make_run, tmp_path):
    run, blobs = make_run(), tmp_path / "bundles"
    for _ in range(2):
        registry.release(run, "desk")
    registry.promote("desk", 2)
    registry.promote("desk", 1)
    before = [r.to_json() for r in registry.releases()]
    for what in ("release", "promote", "rollback"):
        with _start(_KILLED, db, blobs, run, what) as killed:
            assert killed.wait(60) == -signal.SIGKILL
        assert [r.to_json() for r in registry.releases()] == before, what
        assert registry.revision() == 4
    assert registry.release(run, "desk").version == 3
    _whole(registry)


def test_processes_killed_at_any_moment_leave_a_whole_registry(registry, db, make_run, tmp_path):
    run, blobs = make_run(), tmp_path / "bundles"
    registry.release(run, "desk")
    for wait in (0.0, 0.013, 0.029, 0.061, 0.12):
        with _start(_BUSY, db, blobs, run, 1000) as busy:
            assert busy.stdout is not None
            assert busy.stdout.readline() == "ready\n"
            time.sleep(wait)
            busy.kill()
    registry.release(run, "desk")
    _whole(registry)
