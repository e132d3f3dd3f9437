"""Text to speech: a text in, a recording of somebody reading it out, learnt from recordings with their texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, create_model

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.media import MediaCodec
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.facts.base import Pair
from modelwright.core.judged import Judged, Metric
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.request import request_model
from modelwright.core.schema import OPTIONAL, Column, Schema, Table
from modelwright.core.task import GeneratedTask, Section
from modelwright.core.words import Words
from modelwright.data.spoken_pace import in_time
from modelwright.data.transcripts import read_transcripts
from modelwright.evaluate.metrics.spoken import HEARD, METRICS
from modelwright.features.shared.aloud.asked import PAUSES_TIMES, SPEEDS, TONES, within
from modelwright.features.shared.aloud.ssml import is_ssml, pieces
from modelwright.features.shared.sample_speech import spoken_tones
from modelwright.tasks._answer_files import by_answer
from modelwright.tasks._recordings import TEXT, language_code, plain, speaker_of
from modelwright.tasks._row_means import row_mean

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

_SHOWN = 8  # rows that are named
_ASKS = tuple(Column(n, "number", options=OPTIONAL) for n in ("speed", "pitch", "pause"))
_RECORDING = ("recording", "audio", "wav", "sound", "clip", "录音", "音频")
MOST_CHARACTERS = 100_000


class TextToSpeech(GeneratedTask):
    """One recording of each text. Mel-cepstral distortion ranks."""

    name = "text-to-speech"
    title = Words("text to speech", "语音合成")
    inputs = frozenset({"text", "category"})
    targets = frozenset({"audio"})
    target_read_as = "audio"
    metrics = METRICS
    recalls = False
    checked = False
    held_out = 40
    tells_personal = True

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def metric(self, name: str) -> Metric:
        """As Task.metric; `heard` is for runs that name a recogniser (--hears)."""
        return HEARD if name == HEARD.name else super().metric(name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.05 if column.modality == "audio" else 0.0

    def read(
        self, source: Any, reading: Reading, events: EventStream | None = None
    ) -> tuple[pa.Table, Detected] | None:
        return read_transcripts(source, reading, events)

    def target_of(self, raw: pa.Table) -> str | None:
        return next((n for n in raw.column_names if plain(n) in _RECORDING), None)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        """Return the schema with one column of texts, and the speakers where they are told; a voice of a person needs a consent."""
        target = schema.target
        if target is not None and target.modality != "audio":
            raise ColumnError(
                f"`{target.name}` holds {target.modality}; --target names the column of the recordings.",
                f"`{target.name}` 的类型为 {target.modality}；--target 应为录音所在的列。",
            )
        speaker = self._speaker(schema, config)
        text = self._text(schema, speaker)
        reason = Words("not read by this task", "该任务不使用此列")
        changes: dict[str, dict[str, Any]] = {c.name: {"role": "ignored", "reason": reason} for c in schema.inputs}
        language = language_code(getattr(config, "language", None))
        options = {"language": language} if language else {}
        changes[text] = {"role": "input", "modality": "text", "options": options, "reason": None}
        if speaker is not None:
            changes[speaker] = {"role": "input", "modality": "category", "options": {}, "reason": None}
        if target is not None and config is not None:
            _allowed(config, speaker)
        return schema.with_columns(changes)

    def _speaker(self, schema: Schema, config: RunConfig | None) -> str | None:
        named = getattr(config, "speaker", None)
        if named == "none":
            return None
        if named is not None:
            return schema[named].name  # raises ColumnError with the nearest names
        target = schema.target.name if schema.target else None
        return speaker_of([n for n in schema.names if n != target])

    def _text(self, schema: Schema, speaker: str | None) -> str:
        known = [
            c.name
            for c in schema.inputs
            if c.name != speaker and c.modality in ("text", "category", "number", "boolean")
        ]
        named = [n for n in known if plain(n) in TEXT]
        texts = named or [n for n in known if schema[n].modality == "text"]
        if not texts:
            shown = ", ".join(f"{c.name} ({c.modality})" for c in schema)[:300]
            raise ColumnError(
                f"Expected a column of texts that are read out, named `text` or `transcript`; the columns are: {shown}. Say which it is with --column NAME=text.",
                f"应有一列供朗读的文本，名为 `text` 或 `transcript`；现有的列：{shown}。可用 --column 列名=text 指定。",
            )
        return texts[0]

    def kept(self, table: Table, config: RunConfig) -> tuple[Table, Words | None]:
        """Return the rows whose text can be said in the time of its recording, and which others there are. Raises DataError where
        no row has a text."""
        name = next(c.name for c in table.schema.inputs if c.modality == "text")
        texts = table.column(name).to_pylist()
        filled = np.array([bool(t) and why_not(t) is None for t in texts], bool)
        if len(table) and not filled.any():
            raise DataError(
                f"Expected in `{name}` what is said in each recording; none of the {len(table)} rows of {table.source} has a text that can be spoken.",
                f"`{name}` 应为每段录音所说的内容；{table.source} 的 {len(table)} 行都没有可读出的文本。",
            )
        some, slow = in_time(table.take(np.flatnonzero(filled)))
        if filled.all():
            return some, slow
        rows = table.rows[~filled]
        shown = ", ".join(map(str, rows[:_SHOWN])) + (" ..." if len(rows) > _SHOWN else "")
        empty = Words(
            f"Rows of {table.source} without a text in `{name}` that can be spoken are left out ({len(rows)}): {shown}.",
            f"{table.source} 的 `{name}` 中没有可读出文本的行已略去（{len(rows)} 行）：{shown}。",
        )
        return some, empty if slow is None else Words(f"{empty.en} {slow.en}", f"{empty.zh}{slow.zh}")

    def units(self, table: Table) -> np.ndarray | None:
        """As Task.units: a text that is read several times stays on one side of a split, where texts are seldom the same; else a recording does."""
        texts = [str(t) for c in table.schema.inputs if c.modality == "text" for t in table.column(c.name).to_pylist()]
        different: np.ndarray = np.unique(np.array(texts, object).astype(str), return_inverse=True)[1]
        if texts and different.max(initial=0) + 1 > 0.5 * len(texts):
            return different
        return by_answer(table)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return MediaCodec(self.name, "audio/wav")

    def served(self, schema: Schema) -> Schema:
        """As Task.served: a row may say how fast, how high, and with what pauses it is read."""
        return Schema((*schema.inputs, *_ASKS, *(c for c in schema if c.role == "target")))

    def rests_on(self, schema: Schema) -> tuple[str, ...]:
        """As Task.rests_on: the text; who reads it may be left out."""
        return tuple(c.name for c in schema.inputs if c.modality == "text")

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        """As Task.refused: no text, texts with nothing to say, of great length, and SSML that is none."""
        out = []
        for column in (c for c in table.schema.inputs if c.modality == "text"):
            for row, text in enumerate(table.column(column.name).to_pylist()):
                why = why_not(str(text or ""))
                if why is not None:
                    out.append((row, column.name, why))
        return out

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean absolute error of spectra, or of what else a network makes."""
        return row_mean((outputs - truth).abs(), row_weight)

    def request(self, schema: Schema) -> type[BaseModel]:
        asks = {c.name for c in _ASKS}
        base: Any = request_model(Schema(tuple(c for c in schema.inputs if c.name not in asks)))
        return create_model(
            "Row", __base__=base,
            speed=(float | None, within(SPEEDS, "times as fast")),
            pitch=(float | None, within(TONES, "semitones higher")),
            pause=(float | None, within(PAUSES_TIMES, "times as long pauses")),
        )  # fmt: skip

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.report.spoken import sections

        return sections(model, judged, test, seconds)

    def told(self, model: Model) -> list[list[Pair]]:
        what = Words(
            "Every sound that it makes carries a mark: a LIST chunk in WAV, a comment in other formats, which says that a model made it. It speaks with the voice of those "
            "who were recorded: use it for what they agreed to, and say to those who listen that a machine speaks.",
            "生成的每段声音都带有标记（WAV 的 LIST 块，其他格式的注释），说明由模型生成。它使用录音者的声音：请只用于其同意的用途，并告知听者这是机器的声音。",
        )
        return [[list(Words("How its sounds are made", "声音如何生成")), list(what)]]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        """Return words in a language of tones, each a chord, in one voice."""
        recordings, texts, _ = spoken_tones(rows, seed)
        return pa.table({"text": texts, "recording": pa.array(recordings, pa.large_binary())}), "recording"


def why_not(text: str) -> Words | None:
    """Return why a text cannot be read out; None where it can."""
    if not text.strip():
        return Words("expected a text to read out, and it is empty", "应为要朗读的文本，内容为空")
    if len(text) > MOST_CHARACTERS:
        return Words(
            f"a text of {len(text)} characters; at most {MOST_CHARACTERS} are read at a time: cut it into parts",
            f"文本有 {len(text)} 个字符；一次最多朗读 {MOST_CHARACTERS} 个：请切分",
        )
    if is_ssml(text):
        try:
            found = pieces(text)
        except DataError as e:
            return Words(e.words.en.rstrip("."), e.words.zh.rstrip("。"))
        text = "".join(p.text or ("x" if p.seconds else "") for p in found)
    if any(c.isalnum() for c in text):
        return None
    return Words(
        "there is nothing in the text that can be spoken: letters or numbers",
        "文本中没有可读出的内容：字母、文字或数字",
    )


def _allowed(config: RunConfig, speaker: str | None) -> None:
    """Raise OptionError where nobody says that those who were recorded agreed."""
    if (getattr(config, "voice_consent", None) or "").strip() or (config.consent and config.purpose and config.subject):
        return
    of = (
        f"--consent FILE --subject {speaker} --purpose NAME"
        if speaker
        else "--consent FILE --subject COLUMN --purpose NAME"
    )
    raise OptionError(
        f"A voice is learnt from a person's recordings only with a recorded consent: give {of}, or say with --voice-consent whose voice it is and "
        "where the consent is recorded (`synthetic` where no person spoke).",
        f"只有记录了同意才能学习一个人的声音：请给出 {of}，或用 --voice-consent 说明是谁的声音、同意记录在何处（没有真人录音时写 `synthetic`）。",
    )


TASK = TextToSpeech
