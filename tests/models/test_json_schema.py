"""Every keyword of a JSON schema is held to or refused by name: finished answers are valid by the jsonschema library."""

import json
import math
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator

from modelwright.core.errors import OptionError
from modelwright.models.grammar import compile_grammar
from modelwright.models.json_schema import compile_schema
from modelwright.models.number_grammar import numbers

CLOSERS = frozenset(b'"}]')


def written(automaton, seed, most=1500):
    """Return a text that somebody writes who takes any allowed byte, closing early; None where it grew too long."""
    rng, state, out = random.Random(seed), 0, bytearray()
    while len(out) < most:
        automaton.know(state)
        allowed = np.flatnonzero(automaton.table[state] >= 0).tolist()
        if automaton.accepting[state] and (not allowed or rng.random() < 0.5):
            return bytes(out).decode()
        assert allowed, f"stuck after {bytes(out)!r}"
        closing = [b for b in allowed if b in CLOSERS]
        plain = [b for b in allowed if b < 128]
        pick = closing if closing and rng.random() < 0.4 else plain if plain and rng.random() < 0.9 else allowed
        byte = rng.choice(pick)
        out.append(byte)
        state = int(automaton.table[state, byte])
    return None


def check(schema, validator, seeds=8):
    """Compile, write and validate; return how many answers were written."""
    automaton = compile_schema(schema)
    made = 0
    for seed in range(seeds):
        text = written(automaton, seed)
        if text is not None:
            value = json.loads(text)
            assert validator(schema).is_valid(value), (schema, value)
            made += 1
    return made


PASSED_OVER = [  # keywords side by side that were once passed over
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"],
     "anyOf": [{"required": ["b"]}, {"properties": {"a": {"minimum": 100}}}]},
    {"type": "string", "oneOf": [{"maxLength": 2}, {"minLength": 5, "maxLength": 7}]},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
               {"properties": {"a": {"maximum": 0.5, "exclusiveMinimum": -0.25}, "b": {"const": "x"}}}]},
    {"$ref": "#/$defs/name", "maxLength": 3, "$defs": {"name": {"type": "string", "minLength": 2}}},
    {"enum": [1, 2.5, "a", None, [1], {"a": 1}], "type": ["integer", "array"]},
    {"enum": [1, True, "abc", 7], "maximum": 6, "maxLength": 2},
    {"minimum": 3, "maximum": 4.5}, {"type": "integer", "minimum": 0.5, "maximum": 3.5}, {"exclusiveMaximum": -2, "type": ["integer", "null"]},
    {"type": "integer", "minimum": 1, "maximum": 40, "multipleOf": 7}, {"type": "number", "minimum": 0, "maximum": 1},
    {"const": "ab", "anyOf": [{"pattern": "^a"}, {"type": "integer"}]},
    {"type": "string", "pattern": "^a|b$"}, {"type": "string", "pattern": r"^\S+\s\W\D$"}, {"type": "string", "pattern": "[^\\d]"},
    {"type": "object", "required": ["x"], "additionalProperties": {"type": "boolean"}},
    {"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}, "n": {"type": "integer"}}, "required": ["k", "n"]},
               {"type": "object", "properties": {"k": {"const": "b"}}, "required": ["k"]}]},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "maxItems": 1},
    {"type": "array", "items": {"enum": [1, 2]}, "minItems": 2, "maxItems": 3, "allOf": [{"items": {"minimum": 2}}]},
    {"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "null"}}, "required": ["v"], "maxProperties": 2},
    {"type": "string", "format": "date-time"}, {"type": "string", "minLength": 4, "maxLength": 4},
    {"type": "object", "minProperties": 1}, {"type": "object", "properties": {"a": False, "b": True}, "required": ["b"]},
]  # fmt: skip


@pytest.mark.parametrize("schema", PASSED_OVER, ids=lambda s: json.dumps(s)[:50])
def test_keywords_side_by_side_all_hold(schema):
    assert check(schema, Draft202012Validator, 30) > 0


DRAFT_4 = [
    {"type": "integer", "minimum": 3, "exclusiveMinimum": True, "maximum": 6, "exclusiveMaximum": True},
    {"type": "number", "minimum": 3, "exclusiveMinimum": False, "maximum": 3.5, "exclusiveMaximum": True},
    {"type": "array", "items": [{"type": "integer"}, {"type": "null"}], "additionalItems": {"type": "boolean"}, "minItems": 3},
    {"type": "array", "items": [{"type": "integer"}], "additionalItems": False},
    {"id": "x", "definitions": {"a": {"type": "integer", "minimum": 5}}, "type": "object", "properties": {"a": {"$ref": "#/definitions/a"}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", DRAFT_4, ids=lambda s: json.dumps(s)[:50])
def test_forms_of_draft_4(schema):
    assert check({"$schema": "http://json-schema.org/draft-04/schema#", **schema}, Draft4Validator, 30) > 0


REFUSED = [
    ({"oneOf": [{"type": "string"}, {"type": "string", "minLength": 3}]}, "oneOf"),
    ({"anyOf": []}, "anyOf"), ({"not": {"type": "string"}}, "not"), ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    ({"type": "number", "multipleOf": 0.1}, "multipleOf"), ({"if": {}, "then": {}}, "if"), ({"patternProperties": {}}, "patternProperties"),
    ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "no value"),
    ({"enum": [1, 2], "type": "string"}, "no value"), ({"type": "string", "minimum": "3"}, "minimum"), ({"minLength": -1}, "minLength"),
    ({"type": "string", "pattern": "a(^b)"}, "stands inside"), ({"type": "string", "pattern": "a*+"}, "possessive"),
    ({"type": "string", "pattern": "a", "format": "date"}, "format"), ({"properties": {"a": {"$id": "x"}}}, "$id"),
    ({"type": "object", "minProperties": 2, "properties": {"a": {}, "b": {}}}, "minProperties"), ({"exclusiveMinimum": "no"}, "exclusiveMinimum"),
    ({"$schema": "http://json-schema.org/draft-04/schema#", "prefixItems": [{}]}, "draft"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "said"), REFUSED, ids=lambda s: json.dumps(s)[:40])
def test_what_is_not_held_to_is_refused_by_name(schema, said):
    with pytest.raises(OptionError) as e:
        compile_schema(schema)
    assert said in e.value.words.en


SMALL = st.integers(-3, 6)
BOUNDS = st.one_of(SMALL, st.sampled_from([0.5, -1.25, 2.75]))
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), SMALL, st.sampled_from([1.5, "", "a", "ab", "乙"])),
    lambda v: st.one_of(st.lists(v, max_size=2), st.dictionaries(st.sampled_from("ab"), v, max_size=2)),
    max_leaves=3,
)


def schemas(inner):
    """Return schemas with some keywords side by side."""
    few, some = st.integers(0, 3), st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "minimum": BOUNDS,
            "maximum": BOUNDS,
            "exclusiveMinimum": BOUNDS,
            "exclusiveMaximum": BOUNDS,
            "minLength": few,
            "maxLength": few,
            "pattern": st.sampled_from(["^a", "b$", "^[a-c]{1,3}$", "a|^b"]),
            "minItems": few,
            "maxItems": few,
            "items": inner,
            "prefixItems": some,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": inner,
            "minProperties": st.integers(0, 1),
            "maxProperties": few,
            "anyOf": some,
            "oneOf": some,
            "allOf": some,
            "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
        },
    ).map(lambda s: dict(list(s.items())[:6]))


SCHEMAS = st.recursive(st.one_of(st.booleans(), TYPES.map(lambda t: {"type": t})), schemas, max_leaves=6)


@given(schema=schemas(SCHEMAS), a=SCHEMAS, b=SCHEMAS, seed=st.integers(0, 9))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_generated_schemas(schema, a, b, seed):
    whole = {**schema, "$defs": {"a": a, "b": b}}
    try:
        automaton = compile_schema(whole)
    except OptionError:
        return
    for i in range(3):
        text = written(automaton, seed + i, 600)
        if text is not None:
            assert Draft202012Validator(whole).is_valid(json.loads(text)), (whole, text)


@given(
    data=st.data(),
    low=BOUNDS,
    size=st.sampled_from([0, 0.25, 1, 3.5, math.inf]),
    low_out=st.booleans(),
    high_out=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_bounds_of_numbers(data, low, size, low_out, high_out):
    high = low + size
    automaton = compile_grammar(numbers(low, low_out, high, high_out))
    value = data.draw(st.one_of(st.just(low), st.integers(-40, 120).map(lambda n: n / 8)))
    fits = (value > low or (value == low and not low_out)) and (value < high or (value == high and not high_out))
    assert automaton.accepts(repr(value).encode()) == fits
