"""Sequences of DNA, RNA and proteins: letters, as in FASTA files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data.kinds.base import Kind, Unreadable, seeded, some_strings
from modelwright.data.values import is_missing

NUCLEIC, PROTEIN = "nucleic", "protein"
_PLAIN = {NUCLEIC: frozenset("ACGTUN"), PROTEIN: frozenset("ACDEFGHIKLMNPQRSTVWYX*-")}
# what is read: the codes of IUPAC for nucleotides and amino acids that are not certain, and gaps
_ALLOWED = {NUCLEIC: frozenset("ACGTUNRYSWKMBDHV-."), PROTEIN: frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ*-.")}
_NAMED = re.compile(
    r"dna|rna|protein|peptide|sequence|(^|_)seq($|_)|promoter|genom|(^|_)gene($|_)|序列|基因|蛋白", re.I
)
_SHORT, _SHORT_NAMED, _PROTEIN_MEAN = 15, 5, 25
_SHARE = 0.9
_SPACE = re.compile(r"\s+")


def letters_of(text: str) -> str:
    """Return a sequence in capitals without white space."""
    return _SPACE.sub("", text).upper()


class SequenceKind(Kind):
    """Strings of nucleotides or amino acids; the option `letters` says which."""

    modality = "sequence"
    title = Words("sequence", "生物序列")

    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        cells = [c.strip() for c in some_strings(values) if not is_missing(c)]
        named = _NAMED.search(name) is not None
        least = _SHORT_NAMED if named else _SHORT
        own = {
            k: [c for c in cells if len(c) >= least and (c.isupper() or c.islower()) and set(c.upper()) <= letters]
            for k, letters in _PLAIN.items()
        }
        if not cells:
            return None
        if len(own[NUCLEIC]) >= _SHARE * len(cells) and len(set("".join(own[NUCLEIC]).upper())) >= 2:
            return {"letters": NUCLEIC}
        proteins = own[PROTEIN]
        if len(proteins) < _SHARE * len(cells) or len(set("".join(proteins).upper())) < 10:
            return None
        # words and codes are shorter, and codes are all of one length
        long = sum(map(len, proteins)) >= _PROTEIN_MEAN * len(proteins)
        varied = len({len(c) for c in proteins}) >= max(2, 0.05 * len(proteins))
        return {"letters": PROTEIN} if named or (long and varied) else None

    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        text = str(value)
        if is_missing(text):
            return None
        found = letters_of(text)
        kind = str(column.options.get("letters", PROTEIN))
        wrong = sorted(set(found) - _ALLOWED.get(kind, _ALLOWED[PROTEIN]))
        if wrong:
            place = min(found.index(c) for c in wrong) + 1
            what = Words("nucleotides", "核苷酸") if kind == NUCLEIC else Words("amino acids", "氨基酸")
            raise Unreadable(
                f"expected letters of {what.en}, received `{found[place - 1]}` at place {place} of `{found[:40]}`",
                f"应为{what.zh}字母，收到的是 `{found[:40]}` 第 {place} 位的 `{found[place - 1]}`",
            )
        return found

    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        rng = seeded(states, seed)
        marks = ("TATAAT", "GCGCGC", "CAGCAG")
        out = []
        for state in states:
            ground = "".join("ACGT"[i] for i in rng.integers(0, 4, 24))
            at = int(rng.integers(8, 12))
            out.append(ground[:at] + 2 * marks[state] + ground[at:])
        return out


KIND = SequenceKind
