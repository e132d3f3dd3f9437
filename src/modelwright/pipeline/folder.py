"""The run folder as the walk finds it: what a run begins with is written down, and taken back where it ends without a model."""

from __future__ import annotations

from modelwright.core.config import save_config
from modelwright.core.errors import CannotWrite, ModelwrightError
from modelwright.core.run import FAILURES, write_json
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State
from modelwright.tune import resumed


def begin(state: State, concerns: Concern) -> None:
    """Write down what the run begins with. Raises DataError where the run to go on with reads its columns otherwise."""
    folder, config, data, parts = state.folder, state.config, state.data, state.parts
    if state.resume:
        resumed.same_columns(folder, parts.develop.schema)
    _say_name(state)
    state.begun = True
    folder.data.mkdir(parents=True, exist_ok=True)
    folder.candidates.mkdir(exist_ok=True)
    save_config(config, folder.config)
    write_json(folder.data / "schema.json", parts.develop.schema.to_json())
    write_json(folder.data / "findings.json", [f.to_json() for f in data.findings])
    concerns.folder_made(state)
    if not state.resume:
        resumed.keep(folder, config, data.seen, parts, len(data.table))


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
    if not state.begun or state.resume or folder.bundle.exists() or not isinstance(error, ModelwrightError):
        return folder.give_up()
    if isinstance(error, CannotWrite):
        return None
    folder.clear()
    failures = folder.path / FAILURES
    if failures.is_dir():
        error.add(f"The tracebacks are in {failures}.", f"错误详情见 {failures}。")
    return folder.give_up()
