"""The run folder as the walk finds it: what a run begins with is written down, and taken back where it ends without a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from modelwright.core.config import save_config
from modelwright.core.errors import CannotWrite, DataError, ModelwrightError
from modelwright.core.locks import try_lock
from modelwright.core.run import FAILURES, RunFolder, write_json
from modelwright.core.unwritable import cannot_write
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State
from modelwright.tune import resumed


@contextmanager
def alone(folder: RunFolder) -> Iterator[None]:
    """Hold the folder for this process while the block runs, by a lock on its log of events, which ends with the process.

    Two that went on with one run would write over each other's candidates and bundle. Raises DataError where another holds it, CannotWrite.
    """
    new = not folder.path.exists()
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        log = folder.events.open("ab")
    except OSError as e:
        raise cannot_write(CannotWrite, e, folder.path) from e
    with log:
        let_go = try_lock(log.fileno(), 0.0)
        if let_go is None:
            raise DataError(
                f"Another process is working on the run {folder.path}. Wait until it has ended, or end it, and try again.",
                f"另一个进程正在处理运行 {folder.path}。请等它结束或将其终止后重试。",
            )
        try:
            yield
        finally:
            _without_empty_log(folder, new)
            let_go()


def _without_empty_log(folder: RunFolder, new: bool) -> None:
    """Remove the log where nothing came to stand in it, and the folder where it was made for it and holds nothing else."""
    with suppress(OSError):
        if folder.events.stat().st_size == 0:
            folder.events.unlink()
        if new:
            folder.path.rmdir()


def begin(state: State, concerns: Concern) -> None:
    """Write down what the run begins with. Raises DataError where the run to go on with reads its columns otherwise."""
    folder, config, data, parts = state.folder, state.config, state.data, state.parts
    if state.resume:
        resumed.same_columns(folder, parts.develop.schema)
    _say_name(state)
    state.begun = True
    folder.data.mkdir(parents=True, exist_ok=True)
    folder.candidates.mkdir(exist_ok=True)
    write_json(folder.data / "schema.json", parts.develop.schema.to_json())
    write_json(folder.data / "findings.json", [f.to_json() for f in data.findings])
    concerns.folder_made(state)
    if not state.resume:
        resumed.keep(folder, config, data.seen, parts, len(data.table))
    save_config(config, folder.config)  # last: a folder with it is a run that can go on


def _say_name(state: State) -> None:
    """Say under which name the run is kept where the one that it was to have is taken."""
    folder = state.folder
    wanted = folder.taken()
    if wanted is not None:
        state.events.note(
            f"name      {wanted} is taken by an earlier run; this one is kept in {folder.path}",
            f"名称      {wanted} 已有此前的运行；本次保存在 {folder.path}",
        )


def give_up(state: State, error: BaseException) -> None:
    """Take back what a run wrote that was refused, or ended without a model, so that nothing without a bundle lies about.

    Tracebacks of recipes that failed stay, and the error says where. What a run that goes on had before stays too, as does all
    that a crash, a full disk or a second Ctrl-C leaves: the run can go on from there.
    """
    folder = state.folder
    if isinstance(error, CannotWrite) and folder.config.is_file():
        error.add(
            f"What is finished is kept; once there is room to write, go on with: modelwright run --resume {folder.path}",
            f"已完成的部分仍然保留；可以写入后请继续：modelwright run --resume {folder.path}",
        )
        return None
    if not state.begun or state.resume or folder.bundle.exists() or not isinstance(error, ModelwrightError):
        return folder.give_up()
    folder.clear()
    failures = folder.path / FAILURES
    if failures.is_dir():
        error.add(f"The tracebacks are in {failures}.", f"错误详情见 {failures}。")
    return folder.give_up()
