"""What libraries say of their own doing, kept out of the terminal."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


@contextmanager
def errors_alone(name: str | None) -> Iterator[None]:
    """Let a library log errors alone; `name` is its log's, None the root's."""
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def unheard(name: str) -> Iterator[None]:
    """Let a library of this log say nothing at all: no warning, no line on either stream."""
    with (
        errors_alone(name),
        warnings.catch_warnings(),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
