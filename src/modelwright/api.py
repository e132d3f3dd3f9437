"""Modelwright from Python: `fit`, `load`, `inspect`. The same functions the command line calls."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from modelwright.core import plain_json
from modelwright.core.budget import Deadline, parse_duration
from modelwright.core.encrypted_files import unlocked
from modelwright.core.events import EventStream, Listener, Note, Warned
from modelwright.core.facts.run import Facts
from modelwright.core.options import RunOptions
from modelwright.core.run import RunFolder
from modelwright.core.target_names import one_text
from modelwright.core.words import Words, pick_lang
from modelwright.release.bundle import Predictor
from modelwright.release.bundle import load as load_bundle
from modelwright.release.registry.find import find_bundle

if TYPE_CHECKING:
    import numpy as np

    from modelwright.evaluate.report.notebook import Leaderboard

_LOOK_SECONDS = 30.0  # for personal data in `inspect`


@dataclass
class Run:
    """A finished run: its predictor, and where it left report, leaderboard and bundle."""

    folder: Path
    predictor: Predictor
    facts: Facts
    good_enough: bool | None  # whether the gate was met; None where none was given

    def predict(self, rows: Any, *, scores: bool = False, allow_missing: bool = False) -> list[dict[str, Any]]:
        """Answer rows: a mapping, a list of mappings, or anything with the Arrow C-stream interface.

        Raises ColumnError where a column is absent that carries the model, unless `allow_missing`.
        """
        return self.predictor.predict(rows, scores=scores, allow_missing=allow_missing)

    def predict_proba(self, rows: Any, *, allow_missing: bool = False) -> np.ndarray:
        """Return probabilities [N, K] of N rows over the K labels of `predictor.classes`.

        Raises OptionError for other tasks, ColumnError as `predict` does.
        """
        return self.predictor.predict_proba(rows, allow_missing=allow_missing)

    @property
    def metrics(self) -> dict[str, float]:
        """The test metrics by name."""
        return {m["name"]: m["value"] for m in self.facts["metrics"]}

    @property
    def leaderboard(self) -> Leaderboard:
        """The rows of the leaderboard, best first; `.frame()` gives them as a pandas DataFrame."""
        from modelwright.evaluate.report.notebook import Leaderboard

        return Leaderboard(self.facts["leaderboard"])

    @property
    def report(self) -> Path:
        """The report page."""
        return self.folder / "report.html"

    def _repr_html_(self) -> str:
        from modelwright.evaluate.report.notebook import run_html

        return str(run_html(self.facts, str(self.report), pick_lang()))


def fit(
    data: Any,
    target: str | Sequence[str] | None = None,
    *,
    name: str | None = None,
    out: str | Path = "runs",
    lang: str | None = None,
    listeners: Sequence[Listener] = (),
    deadline: Deadline | None = None,
    progress: bool | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Walk the whole path from data to a bundle and return the run.

    `data` is a file, a SQLAlchemy URL, or anything with the Arrow C-stream interface (pandas, polars, DuckDB,
    datasets), a list of mappings or a mapping of lists. Some tasks, named by task=..., need no target; several
    columns of 0 and 1 (`target=["toxic", "insult"]`) are one answer, the labels that hold. `options` are those of `modelwright run` under the same
    names and units: budget="5m", gate="macro_f1>=0.9", test="test.csv", folds=5 ... The budget counts from this
    call. A `listener` is called with every event. `progress` shows what is being done; if not said, it is shown in notebooks and
    terminals. Raises ModelwrightError subclasses; a gate that is not met is no
    error here, see `Run.good_enough`.
    """
    from modelwright.core.config import make_config
    from modelwright.pipeline.walk import run

    in_memory = not isinstance(data, (str, Path))
    target = one_text(target)
    config = make_config(data="memory" if in_memory else str(data), target=target, **options)
    if deadline is None:
        deadline = Deadline.after(parse_duration(config.budget))
    base = name or ("" if in_memory else Path(str(data)).name.split(".")[0]) or target or "run"
    folder = RunFolder.choose(Path(out), base)
    events = EventStream()
    for listener in listeners:
        events.listen(listener)
    lang = pick_lang(lang)
    with _showing_progress(events, progress, lang, deadline):
        result = run(config, data, events, folder=folder, deadline=deadline, lang=lang)
    return Run(folder.path, result.predictor, result.facts, result.judgement.met)


@contextmanager
def _showing_progress(events: EventStream, progress: bool | None, lang: str, deadline: Deadline) -> Iterator[None]:
    """Show the progress of a run in the notebook or the terminal, unless `progress` is False."""
    from modelwright.evaluate.report.notebook import NotebookDisplay, in_notebook

    if in_notebook() and progress is not False:
        events.listen(NotebookDisplay(lang, deadline.at))
        yield
    elif progress or (progress is None and sys.stderr.isatty()):
        from modelwright.cli.terminal import Display

        with Display(lang, deadline.at) as display:
            events.listen(display)
            yield
    else:
        yield


def load(path: str | Path) -> Predictor:
    """Load the model of a run or a bundle folder, after checking it. Raises BundleError where it is damaged."""
    return load_bundle(find_bundle(path))


def inspect(data: Any, target: str | Sequence[str] | None = None, **options: Any) -> dict[str, Any]:
    """Return what is in the data, what is wrong with it and what is private in it, as JSON values: `rows`, `unit` (what they are), `columns`,
    `told` (of its reading), `findings`, `private` (by column and type, with masked examples, and what a run would do).

    `options`: query, table, sheet, header, delimiter, decimal, encoding, dates, column (modality by name), na, ignore, group, time, series,
    series_id, series_time, channel, vault (key of an encrypted file); private and public as for a run. Raises DataError, VaultError.
    """
    with unlocked(options.pop("vault", None)):
        return _inspect(data, one_text(target), options)


def _inspect(data: Any, target: str | None, options: dict[str, Any]) -> dict[str, Any]:
    from modelwright.core.reading import SERIES_OPTIONS, SOURCE_OPTIONS, Detected, Reading
    from modelwright.core.unit import PICTURES, ROWS
    from modelwright.data.annotations.base import BOXES
    from modelwright.data.annotations.shared.source import boxes_of_rows, boxes_table, described
    from modelwright.data.check import apply, check, never_missing
    from modelwright.data.coerce import coerce
    from modelwright.data.infer import infer_schema
    from modelwright.data.near_duplicates import finding, near
    from modelwright.data.nested import flattened
    from modelwright.data.prodigy import accepted
    from modelwright.data.series import gathered_as_asked, with_layouts
    from modelwright.data.sources import folder_of, read_table, source_name
    from modelwright.data.split import row_codes
    from modelwright.privacy.protect import protect, safe_values

    rules, public = options.pop("private", None) or [], bool(options.pop("public", False))
    show = bool(options.pop("show_values", False))
    asked = (*SOURCE_OPTIONS, *SERIES_OPTIONS)
    reading = Reading(**{k: value for k in asked if (value := options.pop(k, None)) is not None})
    column = options.pop("column", {})
    told: list[Words] = []
    events = EventStream()
    events.listen(lambda e: told.append(e.words) if isinstance(e, Note | Warned) else None)
    marked, boxes, detected = boxes_table(data, events, asked=False), BOXES, Detected()
    if marked is None:
        raw, detected = read_table(data, reading, events)
        named = {target, *(options.get(k) for k in ("group", "time")), *(options.get("ignore") or ()), *column}
        # who names a column that such rows have, and pictures with their boxes do not, asks for the rows
        found = boxes_of_rows(raw, data, events)
        if found is not None and named - {None} <= set(found[0].column_names):
            marked, boxes = found
    if marked is not None:
        raw, column = marked, {boxes: "boxes", **column}
    raw, words = accepted(raw, target)
    told += [words] if words is not None else []
    kept = (target, *(options.get(k) for k in ("group", "time")), *(options.get("ignore") or ()), *column)
    raw, nested, odd = flattened(raw, frozenset(kept))
    apart = {k: options.get(k) for k in ("group", "time", "ignore")}
    raw, layouts, options["ignore"] = gathered_as_asked(raw, reading, target=target, **apart)
    inferred = infer_schema(
        raw, overrides=column, target=target, folder=folder_of(data), reading=reading, detected=detected, **options
    )
    schema = with_layouts(inferred, layouts)
    source = source_name(data, "table")
    table, bad = coerce(raw, schema, source=source, need_target=False, folder=folder_of(data))
    # the decimal sign is detected while columns are inferred
    read_as = detected.words() if marked is None else described(marked.column(boxes).to_pylist())
    unit = ROWS if marked is None else PICTURES
    private = protect(table, None, raw, rules=rules, public=public, seconds=_LOOK_SECONDS, show=show)
    findings = check(table, bad=safe_values([*odd, *bad], public), raw=raw, unit=unit)
    findings += never_missing(apply(findings, table))
    findings += finding(near(table, row_codes(table)), len(table)) if table.schema.inputs else []
    return json.loads(
        plain_json.dumps(
            {
                "rows": len(table),
                "unit": list(unit),
                "reading": list(read_as) if read_as else None,
                "told": [list(words) for words in [*told, *nested]],
                "columns": [c.to_json() for c in table.schema],
                "findings": [f.to_json() for f in findings],
                "private": private.to_json(examples=True),
            }
        )
    )
