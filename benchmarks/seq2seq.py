"""The quality bars of tasks that make texts, each through the command line as a user would run it.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/seq2seq.py [multi30k | tatoeba | e2e ...] [--budget 45m]

| set | rows | what is said | bar |
|---|---|---|---|
| multi30k | Multi30k English to German, official parts, test 2016 | corpus BLEU as sacrebleu has it (cased, detokenised); lower-cased too | .35 in 60 min |
| tatoeba | Tatoeba English to Chinese, split by the English side | BLEU by characters and chrF, beside copying and retrieval | beat both in 10 min |
| e2e | E2E NLG, official parts, all references | BLEU lower-cased and tokenised, as the challenge's script; slot error by patterns made for this set | .66, 2 % in 20 min |

The sets are published, so the runs say `--public`: else what looks like a person's name (Burger King) would be replaced.

`--valid` judges on the official validation part instead, and trains without it: what tuning may look at. Run by hand,
never part of the unit tests.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quality import data_folder, write

Rows = list[list[str]]


def multi30k(data: Path, valid: bool) -> tuple[list[str], Rows, Rows, list[str]]:
    """Head, training rows, test rows, options."""
    place = data / "multi30k-ende"

    def side(name: str) -> list[str]:
        return gzip.decompress((place / f"{name}.gz").read_bytes()).decode("utf-8").strip().split("\n")

    def part(name: str) -> Rows:
        return [list(p) for p in zip(side(f"{name}.en"), side(f"{name}.de"), strict=True)]

    train = part("train")
    test = part("val") if valid else part("test_2016_flickr")
    return ["en", "de"], train, test, ["--task", "translation", "--public", "-b", "60m"]


def tatoeba(data: Path, valid: bool) -> tuple[list[str], Rows, Rows, list[str]]:
    """Every tenth English sentence with all its translations is a test source; with `valid` another tenth."""
    rows = [
        line.split("\t")[:2]
        for line in (data / "tatoeba-zh-en/cmn.txt").read_text(encoding="utf-8").strip().split("\n")
    ]
    english = {e: i for i, e in enumerate(dict.fromkeys(r[0] for r in rows))}
    fold = {e: (7 * i) % 10 for e, i in english.items()}
    held = 1 if valid else 0
    train = [r for r in rows if fold[r[0]] not in (0, held)] if valid else [r for r in rows if fold[r[0]] != 0]
    test = [r for r in rows if fold[r[0]] == held]
    known = {r[1] for r in train}
    # a Chinese sentence that was learnt from another English one would be known beforehand
    return (
        ["en", "zh"],
        train,
        [r for r in test if r[1] not in known],
        ["--task", "translation", "--public", "-b", "10m"],
    )


def e2e(data: Path, valid: bool) -> tuple[list[str], Rows, Rows, list[str]]:
    """Meaning representations and their references; the validation part trains as well, but where it is judged."""
    place = data / "e2e-nlg"

    def part(text: str) -> Rows:
        return [[r["mr"], r["ref"]] for r in csv.DictReader(io.StringIO(text))]

    train = part(gzip.decompress((place / "trainset_reconstructed.csv.gz").read_bytes()).decode("utf-8"))
    dev = part((place / "devset.csv").read_text(encoding="utf-8"))
    test = part((place / "testset_w_refs.csv").read_text(encoding="utf-8"))
    options = ["--task", "text2text-generation", "--public", "-b", "20m"]
    return ["mr", "ref"], train if valid else train + dev, dev if valid else test, options


SETS: dict[str, Callable[[Path, bool], tuple[list[str], Rows, Rows, list[str]]]] = {
    "multi30k": multi30k, "tatoeba": tatoeba, "e2e": e2e,
}  # fmt: skip

# what a text says of each slot; found by reading training texts
_E2E = {
    "eatType": {
        "pub": r"\bpubs?\b", "coffee shop": r"\bcoffee[ -]?(shop|house|place)s?\b|\bcaf[eé]\b|\bcoffee\b", "restaurant": r"\brestaurants?\b",
    },
    "food": {
        "Chinese": r"\bchinese\b", "English": r"\b(english|british)\b", "Fast food": r"\bfast[ -]food\b", "French": r"\bfrench\b",
        "Indian": r"\bindian\b", "Italian": r"\bitalian\b", "Japanese": r"\bjapanese\b",
    },
    "priceRange": {
        "cheap": r"\b(cheap|cheaply|inexpensive|low[ -]?(cost|price|priced)|affordabl[ey]|low prices?)\b|price range is low|low price",
        "less than £20": r"(less|lower|under|below|cheaper)( than)? (£ ?)?20|£ ?20 (or less|and under)|under 20|not? more than £ ?20|up to £ ?20",
        "moderate": r"\b(moderate(ly)?|average|mid|medium|reasonabl[ey])([ -]?price[ds]?| ?-?price range| prices?|ly)?\b",
        "£20-25": r"£ ?20 ?(-|to|and|–) ?£? ?25|20-25|20 to 25", "more than £30": r"(more|over|above|higher|excess)( than)?( of)? (£ ?)?30|£ ?30 (or more|and up|plus)",
        "high": r"\b(high|higher|expensive|pricey|upscale|above average|highly)([ -]?price[ds]?| price range|-end)?\b",
    },
    "customer rating": {
        "low": r"\b(low|poor|poorly|bad|lower)(ly)?[ -]?(customer )?-?(rat|customer|review)|rat(ed|ing)s?( is| are| of| as| a)*( very| customer)* (low|poor)|\b(1|one)( out of |/|-| )?(5|five)? ?-?stars?|low(ly)? rated|not( \w+)? (well|highly)",
        "1 out of 5": r"\b(1|one) (out )?of (5|five)|\b1/5|\b(1|one)[ -]stars?|\blow|poor",
        "average": r"\b(average|decent|mediocre|ok|okay|moderate(ly)?)\b|(3|three)[ -]stars?|(3|three) out of", "3 out of 5": r"\b(3|three) (out )?of (5|five)|\b3/5|\b(3|three)[ -]stars?|average",
        "high": r"\b(high|highly|excellent|great|good|well|top|best)\b|(5|five)[ -]stars?|(5|five) out of", "5 out of 5": r"\b(5|five) (out )?of (5|five)|\b5/5|\b(5|five)[ -]stars?|highly|high|excellent",
    },
    "area": {
        "riverside": r"\briver ?-?sides?\b|\b(by|near|on|along|beside|next to|close to|at|overlooking) (the )?(bank of the )?river\b|river bank|\briver\b",
        "city centre": r"\b(city|town) ?(centre|center)\b|\b(centre|center|heart|middle) of (the )?(city|town)|\bdowntown\b|\b(in|near) the (city|centre|center)\b|\bcity\b",
    },
    "familyFriendly": {
        "yes": r"(family|families|kids?|child(ren)?)", "no": r"(\b(not?|non|n't|isn't|doesn't|nor|without|never|lacks?|unfriendly|adults?|un|isnt)\b|not)",
    },
}  # fmt: skip
_FAMILY = re.compile(r"famil|kid|child|adult", re.IGNORECASE)
_AGAINST = re.compile(
    r"(\bnot?\b|\bnon\b|n't|\bnor\b|\bnever\b|\bwithout\b|\blacks?\b|\bun|\bisnt\b|\bis no\b)[^.,;]{0,45}(famil|kid|child)"
    r"|(famil\w*|kid\w*|child\w*)[- ]?(\w+[- ]?){0,4}(un|not |no\b|isn't|unfriendly|discouraged|unwelcome)|\badults?\b",
    re.IGNORECASE,
)


def e2e_wrong(slots: dict[str, str], text: str) -> list[str]:
    """Return the slots that a text misses, says otherwise, or adds."""
    wrong = [n for n in ("name", "near") if n in slots and slots[n].lower() not in text.lower()]
    # names of places hold words that would be taken for slots: Chinese, Burger, Café
    rest = text
    for n in ("name", "near"):
        if n in slots:
            rest = re.sub(re.escape(slots[n]), "X", rest, flags=re.IGNORECASE)
    for slot in ("eatType", "food", "priceRange", "customer rating", "area"):
        value = slots.get(slot)
        if value is not None and not re.search(_E2E[slot][value], rest, re.IGNORECASE):
            wrong.append(slot)
        if value is None and slot in ("food", "area"):
            wrong += [slot] if any(re.search(p, rest, re.IGNORECASE) for p in _E2E[slot].values()) else []
        if slot == "food" and value is not None:
            wrong += [slot for v, p in _E2E[slot].items() if v != value and re.search(p, rest, re.IGNORECASE)]
    says = "absent" if not _FAMILY.search(rest) else "no" if _AGAINST.search(rest) else "yes"
    if says != slots.get("familyFriendly", "absent"):
        wrong.append("familyFriendly")
    return wrong


def more(name: str, test: Rows, answers: list[str]) -> dict[str, Any]:
    """Return further figures that papers report, so that one can be set beside them."""
    from sacrebleu.metrics import BLEU, CHRF

    references: dict[str, list[str]] = defaultdict(list)
    first: dict[str, str] = {}
    for (source, reference), answer in zip(test, answers, strict=True):
        references[source].append(reference)
        first.setdefault(source, answer)
    sources = list(first)
    said = [first[s] for s in sources]
    most = max(len(r) for r in references.values())
    told = [[(references[s] + [None] * most)[i] for s in sources] for i in range(most)]  # type: ignore[list-item]
    cut = "zh" if name == "tatoeba" else "13a"
    out: dict[str, Any] = {
        "sources": len(sources), "references": len(test),
        "bleu": BLEU(tokenize=cut).corpus_score(said, told).score, "chrf": CHRF().corpus_score(said, told).score,
        "bleu_lower": BLEU(tokenize=cut, lowercase=True).corpus_score(said, told).score,
    }  # fmt: skip
    if name == "e2e":
        slots = [dict(re.findall(r"([^\[\],]+?)\s*\[([^\]]*)\]", s)) for s in sources]
        slots = [{k.strip(): v for k, v in s.items()} for s in slots]
        total = sum(map(len, slots))
        out["slot_error"] = sum(len(e2e_wrong(s, t)) for s, t in zip(slots, said, strict=True)) / total
        out["slot_error_references"] = sum(
            len(e2e_wrong(slots[i], r)) for i, s in enumerate(sources) for r in references[s]
        ) / sum(len(slots[i]) * len(references[s]) for i, s in enumerate(sources))
    return out


def measure(name: str, data: Path, work: Path, valid: bool, budget: str | None, options: list[str]) -> None:
    """Run one set and print its figures as JSON."""
    import subprocess

    import modelwright

    head, train, test, own = SETS[name](data, valid)
    files = [write(work / f"{name}.csv", head, train), write(work / f"{name}-test.csv", head, test)]
    line = [files[0], "-t", head[1], "--test", files[1], *own, *(["-b", budget] if budget else []), *options]
    start = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "modelwright.cli",
        "run",
        *line,
        "--json",
        "--name",
        name,
        "--out",
        str(work / "runs"),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: the run ended with {done.returncode}")
    told = json.loads(done.stdout)
    model = modelwright.load(told["run"])
    answers = [a["prediction"] for a in model.predict([{head[0]: r[0]} for r in test])]
    board = {r["name"]: r.get("value") for r in told["leaderboard"]}
    shown = {
        "set": name,
        "valid": valid,
        "seconds": round(time.monotonic() - start),
        "metrics": told["metrics"],
        "board": board,
    }
    print(json.dumps({**shown, **more(name, test, answers)}, ensure_ascii=False), flush=True)
    for row, answer in list(zip(test, answers, strict=True))[:: max(1, len(test) // 6)]:
        print(json.dumps([row[0], answer, row[1]], ensure_ascii=False))


def main() -> None:
    """Read the arguments and run what they name."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*SETS, []])
    parser.add_argument("--budget")
    parser.add_argument("--valid", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder to keep files and runs in")
    asked, rest = parser.parse_known_args()
    data = data_folder()
    with tempfile.TemporaryDirectory() as folder:
        work = asked.keep or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        for name in asked.names or SETS:
            measure(name, data, work, asked.valid, asked.budget, rest)


if __name__ == "__main__":
    main()
