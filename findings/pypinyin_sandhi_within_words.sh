#!/usr/bin/env bash
# pypinyin 0.55.0: `tone_sandhi=True` changes tones inside the words of its own list only.
#
# A third tone before a third tone is spoken as a second one, in 你好 and just as well in 我很好 (wo2 hen2 hao3, or wo3 hen2 hao3). The option does so
# where both characters stand in one word that the library knows; across words every third tone stays, without a word about it. A voice
# that reads sentences by this option alone stumbles at most pairs of third tones.
# Output seen:
#   你好: ni2 hao3
#   我很好: wo3 hen3 hao3
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" pypinyin==0.55.0
cd "$place"
PYTHONPATH=$place PYTHONIOENCODING=utf-8 python3 - <<'PY'
import sys

from pypinyin import Style, lazy_pinyin

said = {t: " ".join(lazy_pinyin(t, style=Style.TONE3, tone_sandhi=True)) for t in ("你好", "我很好")}
for text, tones in said.items():
    print(f"{text}: {tones}")
sys.exit(0 if said == {"你好": "ni2 hao3", "我很好": "wo3 hen3 hao3"} else 1)
PY
