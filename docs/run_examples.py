"""Run what the documentation shows: `python docs/run_examples.py [FILE ...] [--budget 8s]`; and `examples/*.py`.

Each document gets an empty folder, in which its fenced blocks run in order:

    ```console          every line that starts with `$ modelwright`; `# exit 3` at its end says which exit code is expected
    ```python           a script of its own
    ```yaml run.yaml    a block whose second word is a file name is written into the folder
    ```... no-run       is only shown

Shell lines other than `modelwright` are only shown. Budgets are shortened to the one given here, so that all of it takes minutes.
The Chinese pages hold the same commands as the English ones (a test compares them), so only the English ones run.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL)
_NO_TIME = (3, 4)  # exit codes of a run whose gate is not met, and of one in which no model was finished in time
_LONGER = "40s"
_FILE = re.compile(r"[\w.-]+\.\w+")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the other words of its first line, its text, and the line where it starts."""

    language: str
    words: tuple[str, ...]
    body: str
    line: int

    @property
    def runs(self) -> bool:
        """Whether the block is more than shown."""
        return "no-run" not in self.words

    @property
    def file(self) -> str | None:
        """The file that the block is to be written to."""
        names = [w for w in self.words if _FILE.fullmatch(w)]
        return names[0] if names else None

    @property
    def commands(self) -> list[tuple[list[str], int]]:
        """The `modelwright` commands of a console block: arguments and expected exit code."""
        if self.language != "console":
            return []
        text = self.body.replace("\\\n", " ")
        out = []
        for line in text.splitlines():
            if not line.strip().startswith("$ "):
                continue
            for part in line.strip()[2:].split(" && "):
                found = re.match(r"\s*(modelwright\b.*?)(?:\s+# exit (\d+))?\s*$", part)
                if found:
                    out.append((shlex.split(found[1], comments=True)[1:], int(found[2] or 0)))
        return out


def documents() -> list[Path]:
    """Return every English page that is written by hand, and the examples."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*.py"))]
    return [p for p in pages if not p.name.endswith(".zh-CN.md") and "reference" not in p.parts]


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    out = []
    for found in _FENCE.finditer(text):
        language, *words = found["info"].split() or [""]
        indent = found["indent"]
        body = "".join(line.removeprefix(indent) for line in found["body"].splitlines(keepends=True))
        out.append(Block(language, tuple(words), body, text.count("\n", 0, found.start()) + 1))
    return out


def shortened(command: list[str], budget: str) -> list[str]:
    """Return a `run` command with the given budget, in place of its own or added."""
    if not command or command[0] != "run" or "--help" in command:
        return command
    out, skip = [], False
    for word in command:
        if skip:
            skip = False
        elif word in ("--budget", "-b"):
            skip = True
        elif not word.startswith("--budget="):
            out.append(word)
    return [*out, "--budget", budget]


def steps(page: Path, budget: str, folder: Path) -> Iterator[tuple[int, list[str], int]]:
    """Write the page's files into `folder` and yield what is to run: line, arguments, expected exit code."""
    text = page.read_text(encoding="utf-8")
    for block in [Block("python", (), text, 1)] if page.suffix == ".py" else blocks(text):
        if not block.runs:
            continue
        if block.file:
            (folder / block.file).write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            script = folder / f"line{block.line}.py"
            script.write_text(re.sub(r'budget="[^"]*"', f'budget="{budget}"', block.body), encoding="utf-8")
            yield block.line, [sys.executable, script.name], 0
        for command, code in block.commands:
            yield block.line, [sys.executable, "-m", "modelwright.cli", *shortened(command, budget)], code


def longer(command: list[str], budget: str, folder: Path) -> list[str]:
    """Return a command with a budget that suffices on a busy machine: pages show what is done, not how quickly."""
    if command[1] == "-m":
        return [_LONGER if word == budget else word for word in command]
    script = folder / command[1]
    script.write_text(script.read_text(encoding="utf-8").replace(f'budget="{budget}"', f'budget="{_LONGER}"'), "utf-8")
    return command


def run_page(page: Path, budget: str) -> list[str]:
    """Run one page in a folder of its own; return what went wrong. What found no model in time gets more of it, once."""
    wrong = []
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "MODELWRIGHT_LANG": "en", "PYTHONUTF8": "1", "XDG_CONFIG_HOME": home}
        for line, command, code in steps(page, budget, Path(name)):
            start = time.monotonic()
            told: dict[str, Any] = {
                "cwd": name,
                "env": environment,
                "capture_output": True,
                "text": True,
                "timeout": 900,
            }
            done = subprocess.run(command, check=False, **told)
            if done.returncode != code and (done.returncode in _NO_TIME or "BudgetTooSmall" in done.stderr):
                done = subprocess.run(longer(command, budget, Path(name)), check=False, **told)
            shown = " ".join(["modelwright", *command[3:]] if command[1] == "-m" else command[1:])
            took = time.monotonic() - start
            print(f"  {page.name}:{line}  {took:5.1f} s  exit {done.returncode}  {shown[:100]}", flush=True)
            if done.returncode != code:
                wrong.append(f"{page}:{line}: `{shown}` ended with {done.returncode}, expected {code}\n{done.stderr}")
    return wrong


def main() -> int:
    """Run the pages named, or all of them; return 1 where one does not do what it shows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--budget", default="8s")
    asked = parser.parse_args()
    wrong = [w for page in (asked.files or documents()) for w in run_page(page.resolve(), asked.budget)]
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
