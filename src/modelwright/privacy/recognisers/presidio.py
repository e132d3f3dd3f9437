"""Microsoft Presidio behind the same interface, for those who ask for it: `--recogniser presidio` and the extra `presidio`.

Its pattern recognisers run over tokens of a blank spaCy pipeline, so that nothing is downloaded; its model-based names are not
used, and neither are its mail and web addresses: to check them, its library asks servers for a list of domains. Phone numbers
of China are not among what it knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from modelwright.core.errors import MissingExtra
from modelwright.privacy.recognisers.base import Match, Recogniser
from modelwright.privacy.text import Block

_KINDS = {
    "CREDIT_CARD": "bank-card", "CRYPTO": "secret", "IBAN_CODE": "iban", "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone", "MEDICAL_LICENSE": "medical-record", "US_BANK_NUMBER": "bank-card",
    "US_DRIVER_LICENSE": "driver-licence", "US_ITIN": "ssn", "US_PASSPORT": "passport", "US_SSN": "ssn",
    "UK_NHS": "medical-record", "AU_MEDICARE": "medical-record", "IN_AADHAAR": "id-card", "SG_NRIC_FIN": "id-card", "ES_NIF": "id-card",
    "IT_FISCAL_CODE": "id-card", "PL_PESEL": "id-card", "FI_PERSONAL_IDENTITY_CODE": "id-card",
}  # fmt: skip


class Presidio(Recogniser):
    """Presidio's patterns and checksums for many countries."""

    types = tuple(sorted(set(_KINDS.values())))
    rank = 2
    asked = True

    @cached_property
    def _engine(self) -> Any:
        try:
            import spacy
            from presidio_analyzer import AnalyzerEngine
            from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
        except ImportError as e:
            raise MissingExtra("presidio", "The recogniser `presidio`", "识别器 `presidio`") from e

        class Blank(NlpEngine):
            """Tokens of a blank pipeline: nothing is loaded, nothing is downloaded."""

            def __init__(self) -> None:
                self._nlp = spacy.blank("en")

            def load(self) -> None:
                """Do nothing: all is there."""

            def is_loaded(self) -> bool:
                return True

            def process_text(self, text: str, language: str) -> Any:
                doc = self._nlp(text)
                words = [t.text.lower() for t in doc]
                return NlpArtifacts([], doc, [t.idx for t in doc], words, self, language)

            def process_batch(self, texts: Any, language: str, **more: Any) -> Iterator[tuple[str, Any]]:
                for text in texts:
                    yield text, self.process_text(text, language)

            def is_stopword(self, word: str, language: str) -> bool:
                return bool(self._nlp.vocab[word].is_stop)

            def is_punct(self, word: str, language: str) -> bool:
                return bool(self._nlp.vocab[word].is_punct)

            def get_supported_entities(self) -> list[str]:
                return []

            def get_supported_languages(self) -> list[str]:
                return ["en"]

        return AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        engine = self._engine
        wanted = [e for e in engine.get_supported_entities("en") if e in _KINDS]
        for i, cell in enumerate(block.cells):
            if not any(c.isdigit() or c in "@:." for c in cell):
                continue
            for found in engine.analyze(
                text=cell, language="en", entities=wanted, context=[column] if column else None
            ):
                lone = found.start == 0 and found.end == len(cell)
                score = min(0.85, float(found.score))  # our own finds of the same stretch go first
                yield (
                    int(block.index[i]),
                    Match(found.start, found.end, _KINDS[found.entity_type], score, "label", lone),
                )


RECOGNISER = Presidio
