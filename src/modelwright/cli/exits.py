"""How errors and signals end the command line: one line, an exit code of their own, and no traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from modelwright.cli.help import missing
from modelwright.cli.output import print_json
from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError, Stopped, unknown
from modelwright.core.run import refused
from modelwright.core.words import Words

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@contextmanager
def answered(lang: str) -> Iterator[None]:
    """End the program as the design says where the block ends with an error that is the user's to mend."""
    # typer carries its own click, whose classes are reached through the ones typer exports
    usage_error: Any = typer.BadParameter.__bases__[0]
    try:
        yield
    except ModelwrightError as e:
        _fail(e, lang)
    except (KeyboardInterrupt, typer.Abort):
        _fail(Stopped("Stopped.", "已终止。"), lang)
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except usage_error as e:
        _usage(e, lang)
    except Exception as e:
        error = _disk(e)
        if error is None:
            raise
        _fail(error, lang)


@contextmanager
def stopping(deadline: Deadline) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end work at its next step with the best so far kept, and a second end at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        if deadline.stopped:
            raise KeyboardInterrupt
        deadline.stop()

    import pyarrow as pa

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    pa.enable_signal_handlers(False)  # its readers would take a signal for themselves, and end in an error of their own
    try:
        yield
    finally:
        pa.enable_signal_handlers(True)
        for number, handler in before.items():
            signal.signal(number, handler)


def _disk(error: Exception) -> ModelwrightError | None:
    """Return the error for a disk that is full or may not be written; None for what is a fault of the program."""
    if isinstance(error, OSError) and error.errno not in _DISK:
        return None
    return refused(error, getattr(error, "filename", None) or "a file")


def _fail(error: ModelwrightError, lang: str) -> NoReturn:
    word = Words("Error: ", "错误：").to(lang)
    if "--json" in sys.argv:
        print_json({"error": {"kind": type(error).__name__, "message": error.words.en, "message_zh": error.words.zh}})
    sys.stderr.write(f"{word}{error.words.to(lang)}\n")
    sys.exit(error.exit_code)


def _usage(error: Any, lang: str) -> NoReturn:
    """Answer a wrong command line in one line; no arguments at all get the help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(error.format_message() + "\n")
        sys.exit(0)
    param = getattr(error, "param", None)
    if hasattr(error, "possibilities"):
        message = _no_option(error, lang)
    elif type(error).__name__ == "MissingParameter" and param is not None:
        message = missing(param).to(lang)
    elif type(error).__name__ == "BadOptionUsage":
        message = Words(f"`{error.option_name}` needs a value.", f"`{error.option_name}` 缺少取值。").to(lang)
    elif hasattr(error.__cause__, "errors") and param is not None:
        message = _misfit(error).to(lang)
    else:
        message = error.format_message()
    hint = ""
    if error.ctx is not None:
        path = error.ctx.command_path
        hint = Words(f" See: {path} --help", f"参见：{path} --help").to(lang)
    sys.stderr.write(f"{Words('Error: ', '错误：').to(lang)}{message}{hint}\n")
    sys.exit(2)


def _misfit(error: Any) -> Words:
    """Return what a value that the command line could not read was to be, and what it was."""
    from modelwright.core.validation import words_of

    name = max((*error.param.opts, error.param.name), key=len)
    found = words_of(error.__cause__.errors(include_url=False)[0])
    return Words(f"{name}: {found.en}", f"{name}：{found.zh}")


def _no_option(error: Any, lang: str) -> str:
    known = [o for p in error.ctx.command.params for o in p.opts if o.startswith("--")] if error.ctx else []
    found = unknown(Words("option", "选项"), error.option_name, known).words
    return Words(found.en.removesuffix(".") + ".", found.zh.removesuffix("。") + "。").to(lang)
