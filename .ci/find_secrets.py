"""Look for keys and passwords in the files that git tracks: `python .ci/find_secrets.py [FILE ...]`. Ends with 1 where one is found.

Known forms of keys, and names like `password` that are given a long random-looking text. What is meant to be there stands in
`.ci/secrets-allowed.txt`: path, the first 16 digits of the text's SHA-256, and why. Findings are shown by that digest alone.
"""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = ROOT / ".ci" / "secrets-allowed.txt"
MOST = 5 << 20  # bytes of a file that is looked through
PATTERNS = {
    "private key": r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |PGP |ENCRYPTED )?PRIVATE KEY(?: BLOCK)?-----",
    "Modelwright vault key": r"\bmwk_[A-Za-z0-9_-]{43}",
    "Modelwright service key": r"\bmws_[A-Za-z0-9_-]{43}",
    "AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "Aliyun key": r"\bLTAI[A-Za-z0-9]{12,24}\b",
    "Tencent Cloud key": r"\bAKID[A-Za-z0-9]{32}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "Hugging Face token": r"\bhf_[A-Za-z]{30,}",
    "model provider key": r"\bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,}",
    "Stripe key": r"\b[sr]k_live_[A-Za-z0-9]{20,}",
    "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "Google key": r"\bAIza[A-Za-z0-9_-]{35}",
    "PyPI token": r"\bpypi-[A-Za-z0-9_-]{50,}",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "password in a URL": r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"'<>{}*$]+:(?P<text>[^\s:/@\"'<>{}*$]{6,})@[\w.-]+",
}
NAMED = re.compile(
    r"""(?ix) (?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|密码|密钥) ["'\]]? \s* [:=] \s*
    ["'](?P<text>[^"'\s{}$<>]{16,})["']"""
)
KNOWN = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}


def bits(text: str) -> float:
    """Return bits of entropy per character: words have about 3, random text more."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, kind and text of everything that looks like a secret."""
    for number, line in enumerate(text.splitlines(), 1):
        for kind, pattern in KNOWN.items():
            for found in pattern.finditer(line):
                yield number, kind, found["text"] if "text" in pattern.groupindex else found[0]
        for found in NAMED.finditer(line):
            if bits(found["text"]) > 3.7 and any(c.isdigit() for c in found["text"]):
                yield number, "named secret", found["text"]


def tracked() -> list[Path]:
    """Return the files that git tracks; all files where this is no git folder."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    if done.returncode == 0 and done.stdout:
        return [ROOT / n for n in done.stdout.decode("utf-8", "surrogateescape").split("\0") if n]
    skipped = {".git", ".venv", "__pycache__", "runs", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    return [p for p in sorted(ROOT.rglob("*")) if p.is_file() and not skipped & set(p.relative_to(ROOT).parts)]


def allowed() -> set[tuple[str, str]]:
    """Return path and digest of what is meant to be there."""
    lines = ALLOWED.read_text(encoding="utf-8").splitlines() if ALLOWED.is_file() else []
    return {(p[0], p[1]) for p in (line.split(maxsplit=2) for line in lines if line.strip() and line[0] != "#")}


def digest(text: str) -> str:
    """Return what stands for a finding in the list and in messages."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def main(names: list[str]) -> int:
    """Look, say what was found, and return the exit code."""
    known, found = allowed(), 0
    for path in [Path(n).resolve() for n in names] or tracked():
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MOST:
            continue
        shown = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
        for line, kind, text in findings(path.read_bytes().decode("utf-8", "replace")):
            if (shown, digest(text)) not in known:
                found += 1
                sys.stderr.write(f"{shown}:{line}: {kind} ({digest(text)})\n")
    if found:
        sys.stderr.write(
            f"{found} possible secrets. Remove them and change them where they were used; what is none goes into {ALLOWED.name}.\n"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
