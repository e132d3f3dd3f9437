"""Python's keyword arguments are the options of a run, with the same types."""

from typing import get_type_hints

from modelwright.core.config import RunConfig
from modelwright.core.options import RunOptions


def test_keyword_arguments_are_the_options():
    theirs = {n: f.annotation for n, f in RunConfig.model_fields.items() if n not in ("data", "target")}
    assert get_type_hints(RunOptions) == theirs
