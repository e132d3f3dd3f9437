#!/usr/bin/env bash
# rouge-score 0.1.2: two equal texts in Chinese, Russian or Thai score 0, and two Chinese texts with nothing in common but a year score 1.
#
# The tokenizer that RougeScorer uses unless it is given another keeps the letters a to z and digits and drops the rest. A text of other letters has no words left, which
# scores 0 against itself; with a number or a Latin name in it that alone is compared, so that a summary which says the opposite is perfect. Words with accents are
# cut in two: the halves of Zoë and Zoé agree. Nothing is raised or warned of, and a mean over mixed texts looks plausible. The README promises to match the original
# Perl script, and does not speak of languages. What helps: RougeScorer(..., tokenizer=...) with an object whose tokenize() gives characters or words.
# Discussed: issue 256 of huggingface/evaluate (2022) and 3111 of google/adk-python, of the zeros; of the ones we found nothing.
# Output seen (F of ROUGE-L):
#   今天天气很好 / 今天天气很好: 0.00, by characters 1.00
#   Привет мир / Привет мир: 0.00, by characters 1.00
#   2024年公司亏损 / 2024年春节放假: 1.00, by characters 0.56
#   Zoë / Zoé: 1.00, by characters 0.67
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" rouge-score==0.1.2
cd "$place"
PYTHONPATH=$place PYTHONIOENCODING=utf-8 python3 - <<'PY'
import sys

from rouge_score.rouge_scorer import RougeScorer


class Characters:
    def tokenize(self, text):
        return [c for c in text.lower() if not c.isspace()]


PAIRS = [("今天天气很好", "今天天气很好"), ("Привет мир", "Привет мир"), ("2024年公司亏损", "2024年春节放假"), ("Zoë", "Zoé")]
scorers = [RougeScorer(["rougeL"]), RougeScorer(["rougeL"], tokenizer=Characters())]
seen = []
for one, other in PAIRS:
    plain, characters = (round(s.score(one, other)["rougeL"].fmeasure, 2) for s in scorers)
    seen.append((plain, characters))
    print(f"{one} / {other}: {plain:.2f}, by characters {characters:.2f}")
sys.exit(0 if [p for p, _ in seen] == [0, 0, 1, 1] and [c for _, c in seen][:2] == [1, 1] and max(c for _, c in seen[2:]) < 0.7 else 1)
PY
