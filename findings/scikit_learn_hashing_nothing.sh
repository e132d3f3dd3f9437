#!/usr/bin/env bash
# scikit-learn 1.9.1: HashingVectorizer ends with StopIteration where it is given no text at all.
#
# CountVectorizer answers [] with a matrix of no rows, TfidfVectorizer with a ValueError that says what is missing. HashingVectorizer lets a bare StopIteration
# out, which says nothing, and which inside a generator becomes a RuntimeError. Met where a batch of a stream holds no row that passes a filter.
# What helps: do not call it with an empty list.
# Output seen:
#   count    (0, 2)
#   tfidf    ValueError
#   hashing  StopIteration
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" scikit-learn==1.9.1 numpy==2.4.6
PYTHONPATH=$place python3 - <<'PY'
import sys

from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer


def told(name, vectorizer):
    try:
        found = str(vectorizer.transform([]).shape)
    except BaseException as e:
        found = type(e).__name__
    print(f"{name:<8} {found}")
    return found


texts = ["red shoe", "red"]
seen = [
    told("count", CountVectorizer().fit(texts)),
    told("tfidf", TfidfVectorizer().fit(texts)),
    told("hashing", HashingVectorizer()),
]
sys.exit(0 if seen == ["(0, 2)", "ValueError", "StopIteration"] else 1)
PY
