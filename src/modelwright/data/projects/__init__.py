"""Example projects, one file each: what a project is for, its data, its settings. Everything in them was written for this one.

Each file defines `PROJECT`, a `Project`. Data are made from templates under a fixed seed, so that a project is the same
wherever it is written.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.registry import load_file, names_in
from modelwright.core.unwritable import cannot_write
from modelwright.core.words import Words

PROJECTS = "modelwright.data.projects"
_CONFIG = "run.yaml"


@dataclass(frozen=True)
class Project:
    """`files` gives text, or the bytes of pictures, by path; `settings` are the options of the run; `asks` are rows to try the model on.

    `about` says in two languages what the project does, `data` what its data are, `own` how to put one's own in place.
    """

    title: Words
    about: Words
    data: Words
    own: Words
    task: str
    settings: Mapping[str, object]
    files: Callable[[], Mapping[str, str | bytes]]
    asks: Sequence[Mapping[str, object]]
    forecasts: bool = False  # whether the rows to try are new values, of which `forecast` tells what comes next


def names() -> tuple[str, ...]:
    """Return the names of all projects."""
    return names_in(PROJECTS)


def get_project(name: str) -> Project:
    """Return a project. Raises OptionError, with the nearest names, if there is none."""
    found: Project = load_file(PROJECTS, name, Words("project", "项目")).PROJECT
    return found


def write(name: str, folder: Path) -> list[str]:
    """Write a project into a folder that is empty or not there yet; return the files written, in order.

    Raises OptionError for an unknown name, DataError where the folder holds something or cannot be written.
    """
    project = get_project(name)
    files: dict[str, str | bytes] = {**project.files(), **_frame(name, project)}
    stood = folder.is_dir()
    try:
        if folder.is_file() or (stood and any(folder.iterdir())):
            raise DataError(f"{folder} is not empty; name a new folder.", f"{folder} 不是空文件夹；请指定新的文件夹。")
        for path, held in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(held if isinstance(held, bytes) else held.encode("utf-8"))
    except OSError as e:
        _take_back(folder, files, stood)
        raise cannot_write(DataError, e, folder) from e
    return sorted(files)


def _take_back(folder: Path, files: Iterable[str], stood: bool) -> None:
    """Remove what was written of a project that is not whole, and the folders that were made for it."""
    with contextlib.suppress(OSError):
        for path in files:
            (folder / path).unlink(missing_ok=True)
        for inner in sorted({str(p) for path in files for p in Path(path).parents}, key=len, reverse=True):
            if inner != "." or not stood:
                with contextlib.suppress(OSError):
                    (folder / inner).rmdir()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()


def _frame(name: str, project: Project) -> dict[str, str]:
    """Return the files that every project has: settings, README in both languages, .gitignore, a check."""
    import yaml

    head = f"# {project.title.en} / {project.title.zh}\n# modelwright run --config {_CONFIG} --name {name}\n"
    settings = yaml.safe_dump({**project.settings, "task": project.task}, allow_unicode=True, sort_keys=False)
    asks = "".join(f"    {dict(a)!r},\n" for a in project.asks)
    return {
        _CONFIG: head + settings,
        "README.md": _readme(name, project, "en"),
        "README.zh-CN.md": _readme(name, project, "zh"),
        ".gitignore": "runs/\n.venv/\n__pycache__/\n*.key\nkeys.json\n.env\n",
        "try_it.py": (_FORECAST if project.forecasts else _TRY).format(title=project.title.en, name=name, asks=asks),
    }


_TRY = '''"""{title}: ask the model a few things. First: modelwright run --config run.yaml --name {name}"""

import json

import modelwright as mw

ROWS = [
{asks}]

model = mw.load("runs/{name}")
for row, answer in zip(ROWS, model.predict(ROWS)):
    assert "error" not in answer, answer
    print(json.dumps(row, ensure_ascii=False), "->", json.dumps(answer["prediction"], ensure_ascii=False)[:400])
'''

_FORECAST = '''"""{title}: what comes next of known series, and once more with new values. First: modelwright run --config run.yaml --name {name}"""

import modelwright as mw

ROWS = [
{asks}]

model = mw.load("runs/{name}")
for found in (model.forecast(), model.forecast(ROWS)):
    for step in found.to_pylist()[:3]:
        print({{name: str(value) if hasattr(value, "isoformat") else value for name, value in step.items()}})
    print(found.num_rows, "steps ahead")
'''


def _readme(name: str, project: Project, lang: str) -> str:
    zh = lang == "zh"
    other = "[English](README.md)" if zh else "[中文](README.zh-CN.md)"
    run, use = ("训练", "使用") if zh else ("Train", "Use")
    data, own = ("数据", "换成自己的数据") if zh else ("The data", "Your own data")
    gate = (
        "命令以 0 结束表示达到门槛，以 3 结束表示没有达到；报告会说明差在哪里。"
        if zh
        else "The command ends with 0 where the gate is met and with 3 where it is not; the report says what is missing."
    )
    return f"""# {project.title.to(lang)}

{project.about.to(lang)} {other}

## {run}

```console
$ modelwright run --config run.yaml --name {name}
```

{gate}

## {use}

```console
$ python try_it.py
$ modelwright serve runs/{name}
```

## {data}

{project.data.to(lang)}

## {own}

{project.own.to(lang)}
"""
