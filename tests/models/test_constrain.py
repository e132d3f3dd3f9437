"""Regular expressions and JSON schemas as automata, and answers held to them token by token."""

import json
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import OptionError
from modelwright.models.grammar import utf8
from modelwright.models.guide import Held, HeldAnswer, Tree
from modelwright.models.json_schema import compile_json_object, compile_schema
from modelwright.models.regex import compile_regex

PATTERNS = [
    r"\d{3}-[a-c]+(x|y)?", r"[一-龥]{2,3}。", r"(ab|a)(c|bcd)*", r"[^a\d]*z", r"(?:yes|no)|maybe", r"a{2,}b{0,2}", r"\$\d+\.\d\d", ".*好?",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text(st.sampled_from("abcdxyz123-.$好天。nomesb"), max_size=8))
@settings(max_examples=60, deadline=None)
def test_regular_expressions_accept_what_re_accepts(pattern, text):
    assert compile_regex(pattern).accepts(text.encode()) == bool(re.fullmatch(pattern, text))


@given(low=st.integers(0, 0x10FFFF), high=st.integers(0, 0x10FFFF), code=st.integers(0, 0x10FFFF))
@settings(max_examples=300, deadline=None)
def test_ranges_of_characters_as_bytes(low, high, code):
    low, high = min(low, high), max(low, high)
    if 0xD800 <= code <= 0xDFFF:
        return
    data = chr(code).encode()
    found = any(len(s) == len(data) and all(a <= b <= c for b, (a, c) in zip(data, s)) for s in utf8(low, high))
    assert found == (low <= code <= high)


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", r"a(?=b)", r"[b-a]", r"*a", r"(a", r"a)", r"a{3,1}", r"a{9999}", r"\b", "a^b", "[a"]
)
def test_expressions_that_are_refused(pattern):
    with pytest.raises(OptionError, match="Regular expression"):
        compile_regex(pattern)


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": -3, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["a", "乙"]}, "maxItems": 3}, "child": {"$ref": "#"},
    },
    "required": ["name", "age"], "additionalProperties": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('{"name":"x","age":12}', True), ('{"name": "x", "age": -3}', True), ('{"name":"x","age":121}', False), ('{"age":1}', False),
        ('{"name":"x","age":3,"tags":["a","乙"],"child":{"name":"","age":0}}', True), ('{"name":"x","age":3,}', False),
        ('{"name":"x","age":03}', False), ('{"name":"a\\nb\\u00e9","age":99}', True), ('{"name":"x","age":1,"child":{"age":1}}', False),
        ('{"name":"x","age":1,"tags":["a","a","a","a"]}', False), ('{"name":"1234567890123","age":1}', False), ('["a"]', False),
    ],
)  # fmt: skip
def test_a_schema_that_calls_itself(text, fits):
    assert compile_schema(PERSON).accepts(text.encode()) == fits


@pytest.mark.parametrize(
    ("schema", "good", "wrong"),
    [
        ({"type": ["string", "null"]}, ['"a"', "null"], ["1"]),
        ({"anyOf": [{"const": 5}, {"type": "boolean"}]}, ["5", "true"], ["6"]),
        ({"type": "string", "pattern": '^a"b+$'}, ['"a\\"bb"'], ['"a"bb"', '"ab"']),
        ({"type": "string", "pattern": "b"}, ['"abc"', '"b"'], ['"ac"']),
        ({"type": "string", "format": "date"}, ['"2026-11-25"'], ['"2026-13-25"']),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
            ['[1,"a"]', '[1, "a"]'],
            ["[1]"],
        ),
        ({"type": "array", "minItems": 1, "items": {"type": "integer"}}, ["[1]", "[1,2]"], ["[]"]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, ["{}", '{"b":1,"a":2}'], ['{"a":"b"}']),
        ({"type": "number", "minimum": 0}, ["0.5", "1000"], ["-1"]),
        ({"type": "integer", "exclusiveMinimum": 9, "maximum": 21}, ["10", "21"], ["9", "22", "010"]),
        ({}, ['{"a":[1,{"b":[null]}]}', "3"], ["{a:1}"]),
    ],
)
def test_schemas(schema, good, wrong):
    automaton = compile_schema(schema)
    assert all(automaton.accepts(t.encode()) for t in good)
    assert not any(automaton.accepts(t.encode()) for t in wrong)


@given(low=st.integers(-2000, 2000), size=st.integers(0, 3000), value=st.integers(-6000, 6000))
@settings(max_examples=150, deadline=None)
def test_bounds_of_integers(low, size, value):
    automaton = compile_schema({"type": "integer", "minimum": low, "maximum": low + size})
    assert automaton.accepts(str(value).encode()) == (low <= value <= low + size)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLenght": 3}, {"uniqueItems": True}, {"type": "thing"}, {"$ref": "http://x/y"}, {"$ref": "#/$defs/none"},
        {"enum": []}, {"type": "object", "required": ["x"], "additionalProperties": False}, {"type": "integer", "minimum": 5, "maximum": 4},
        {"allOf": [{"type": "string"}, {"type": "null"}]}, 3,
    ],
)  # fmt: skip
def test_schemas_that_are_refused(schema):
    with pytest.raises(OptionError):
        compile_schema(schema)


def written(automaton, pieces, stop, seed, most=300):
    """Return what somebody writes who takes any allowed token."""
    tree = Tree(pieces)
    held, rng = Held(automaton, tree, frozenset({stop})), random.Random(seed)
    answer, out = HeldAnswer(held, pieces), b""
    for _ in range(most):
        token = rng.choice(np.flatnonzero(answer.mask()).tolist())
        if token == stop:
            return out
        answer.advance(token)
        out += pieces[token]
        if answer.done():
            return out
    return None


VOCABULARY = [
    None,
    *(bytes([b]) for b in range(256)),
    b'{"',
    b'":',
    b'", "',
    b"12",
    b'"}',
    "好".encode(),
    b"true",
    b"],[",
]


def test_any_choice_of_allowed_tokens_fits():
    made = 0
    for seed in range(12):
        out = written(compile_schema({**PERSON, "required": ["name", "age", "tags"]}), VOCABULARY, 0, seed)
        if out is not None:
            value = json.loads(out)
            assert {"name", "age", "tags"} <= set(value) <= {"name", "age", "tags", "child"}
            assert -3 <= value["age"] <= 120
            made += 1
        out = written(compile_regex(r"[一-龥]{2}(a|好)\d{3}"), VOCABULARY, 0, seed)
        assert re.fullmatch(r"[一-龥]{2}(a|好)\d{3}", out.decode())
    assert made >= 6
    json.loads(written(compile_json_object(), VOCABULARY, 0, 3, 3000) or b"{}")


def test_a_mask_allows_exactly_the_tokens_that_fit():
    automaton = compile_regex("(true|12+)x?")
    held = Held(automaton, Tree(VOCABULARY), frozenset({0}))
    allowed = {VOCABULARY[i] for i in np.flatnonzero(held.mask(0))}
    assert allowed == {b"t", b"true", b"1", b"12"}
    state = automaton.next(0, b"12")
    allowed = {VOCABULARY[i] for i in np.flatnonzero(held.mask(state))}
    assert allowed == {None, b"2", b"x"}


def test_where_no_token_fits_the_answer_ends():
    held = Held(compile_regex("a好"), Tree([None, b"a", b"b"]), frozenset({0}))
    assert held.mask(held.automaton.next(0, b"a")).tolist() == [True, False, False]
