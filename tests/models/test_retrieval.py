"""BM25, nearest vectors and fusion of rankings."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.models import retrieval
from modelwright.models.retrieval import BM25, DenseIndex, Hits, best, fuse, terms, unit

DOCUMENTS = [
    "How long does shipping take?",
    "I want a refund for my order",
    "如何申请退款",
    "快递什么时候送到",
    "重置密码的方法",
    "",
]


def test_han_is_indexed_by_characters_and_pairs_and_words_without_plural():
    assert terms("申请退款") == ["申", "请", "申请", "退", "请退", "款", "退款"]
    assert terms("The parcels, STORIES; class of virus") == ["parcel", "story", "class", "virus"]
    assert terms("ＡＢＣ") == ["abc"]
    assert terms(None) == terms("") == []
    assert terms("to be or not to be") != []


@pytest.mark.parametrize(("query", "document"), [("退款怎么申请", 2), ("where is the REFUND", 1), ("忘了密码", 4)])
def test_bm25_finds_the_document_that_shares_rare_terms(query, document):
    assert BM25.fit(DOCUMENTS).search([query], 3).ids[0, 0] == document


def test_bm25_by_hand():
    index = BM25.fit(["red red blue", "blue"], k1=1.2, b=0.75)
    idf = np.log1p((2 - 1 + 0.5) / 1.5)
    weight = 2 * 2.2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / 2))
    assert index.scores(["red"])[0] == pytest.approx([idf * weight, 0])
    assert index.scores(["red red"])[0] == pytest.approx([2 * idf * weight, 0])


def test_bm25_without_shared_terms_or_documents_finds_nothing():
    assert BM25.fit(DOCUMENTS).search(["xyz", "", None], 2).ids.tolist() == [[-1, -1]] * 3
    assert BM25.fit([]).search(["refund"], 2).ids.shape == (1, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=8), st.text(max_size=12))
def test_bm25_survives_json_and_arrays(documents, query):
    index = BM25.fit(documents)
    again = BM25.restore(json.loads(json.dumps(index.state())), index.arrays())
    assert np.array_equal(again.scores([query]), index.scores([query]))
    assert (index.scores([query]) >= 0).all()


def test_bm25_refuses_damaged_arrays():
    index = BM25.fit(DOCUMENTS)
    arrays = index.arrays()
    with pytest.raises(ValueError):
        BM25.restore(index.state(), arrays | {"indices": arrays["indices"] + 1000})


def test_best_breaks_ties_by_number():
    scores = np.zeros((1, 100), np.float32)
    scores[0, 70] = 1
    assert best(scores, 3).ids.tolist() == [[70, 0, 1]]
    assert best(scores[:, :4], 9).ids.tolist() == [[0, 1, 2, 3]]


def test_dense_index_finds_the_nearest_with_and_without_faiss(monkeypatch):
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(300, 16)), rng.normal(size=(5, 16))
    plain = DenseIndex(vectors).search(queries, 4)
    exact = np.argsort(-(unit(queries) @ unit(vectors).T), axis=1)[:, :4]
    assert np.array_equal(plain.ids, exact)
    monkeypatch.setattr(retrieval, "_MANY", 10)
    assert np.array_equal(DenseIndex(vectors).search(queries, 4).ids, exact)
    monkeypatch.setattr(retrieval, "_APPROXIMATE", 10)
    assert np.mean(DenseIndex(vectors).search(queries, 4).ids == exact) > 0.9


def test_a_vector_of_length_zero_is_no_division_by_zero():
    assert np.isfinite(unit(np.zeros((2, 3)))).all()


def test_fusion_prefers_what_both_rank_high():
    a = Hits(np.array([[1, 2, 3]]), np.ones((1, 3)))
    b = Hits(np.array([[2, 4, -1]]), np.ones((1, 3)))
    fused = fuse([a, b], 4)
    assert fused.ids.tolist() == [[2, 1, 4, 3]]
    assert fused.scores[0, 0] == pytest.approx(1 / 62 + 1 / 61)
    assert fuse([a, b], 5).ids[0, 4] == -1
    assert fuse([a, b], 1, weights=[0.0, 1.0]).ids.tolist() == [[2]]
