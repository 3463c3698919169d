# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Spaces of sweeps: every scale, conditions, that coordinates and settings are each other's inverse, and errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.errors import ConfigError
from shoal.sweep.space import Space, describe, parse, parse_all, read_value

DECLARED = {
    "train.clip_coef": "linear(0.1, 0.5)",
    "train.learning_rate": "log(1e-4, 0.1)",
    "train.gamma": "logit(0.9, 0.9999)",
    "policy.layers": "integer(1, 8)",
    "policy.hidden": "pow2(16, 256)",
    "policy.core": "choice(mlp, lstm, mingru)",
    "train.horizon": "pow2(8, 64) if policy.core=lstm",
    "train.anneal": "choice(true, false) if policy.core=mlp",
    "train.floor": "linear(0, 1) if train.anneal=true",
}
SPACE = parse_all(DECLARED)
unit = st.lists(st.floats(0, 1), min_size=SPACE.width, max_size=SPACE.width).map(np.array)


@pytest.mark.parametrize(
    ("text", "quarter", "middle", "ends"),
    [
        ("linear(-1, 3)", 0.0, 1.0, (-1.0, 3.0)),
        ("log(1e-4, 1)", 1e-3, 1e-2, (1e-4, 1.0)),
        ("logit(0.1, 0.9)", 0.25, 0.5, (0.1, 0.9)),  # odds 1/9, 1/3, 1, 3, 9
        ("integer(1, 8)", 3, 5, (1, 8)),
        ("pow2(16, 128)", 32, 64, (16, 128)),
    ],
)
def test_a_scale_maps_the_unit_interval(text: str, quarter: float, middle: float, ends: tuple[float, float]) -> None:
    d = parse("x", text)
    assert d.decode(np.array([0.25])) == pytest.approx(quarter)
    assert d.decode(np.array([0.5])) == pytest.approx(middle)
    assert tuple(d.decode(np.array([t])) for t in (0.0, 1.0)) == pytest.approx(ends)
    assert type(d.decode(np.array([0.3]))) is type(quarter)


def test_whole_numbers_are_equally_likely() -> None:
    d = parse("x", "integer(1, 5)")
    drawn = [d.decode(np.array([t])) for t in (np.arange(1000) + 0.5) / 1000]
    assert [drawn.count(i) for i in range(1, 6)] == [200] * 5


@given(unit)
@settings(max_examples=200, deadline=None)
def test_a_point_and_its_coordinates_mean_the_same(x: np.ndarray) -> None:
    point = SPACE.decode(x)
    again = SPACE.decode(SPACE.encode(point))
    assert point.keys() == again.keys()
    for name, value in point.items():
        assert again[name] == pytest.approx(value, rel=1e-9) if isinstance(value, float) else again[name] == value


@given(unit)
@settings(max_examples=200, deadline=None)
def test_snap_is_encode_of_decode(x: np.ndarray) -> None:
    assert np.allclose(SPACE.snap(x[None])[0], SPACE.encode(SPACE.decode(x)), atol=1e-9)


@given(unit)
@settings(max_examples=100, deadline=None)
def test_a_setting_is_there_exactly_if_its_condition_holds(x: np.ndarray) -> None:
    point = SPACE.decode(x)
    assert ("train.horizon" in point) == (point["policy.core"] == "lstm")
    assert ("train.anneal" in point) == (point["policy.core"] == "mlp")
    assert ("train.floor" in point) == (point.get("train.anneal") is True)


@given(unit)
@settings(max_examples=100, deadline=None)
def test_values_stay_within_their_bounds(x: np.ndarray) -> None:
    for name, value in SPACE.decode(x).items():
        d = next(d for d in SPACE.dimensions if d.name == name)
        if d.scale == "choice":
            assert value in d.choices
        else:
            low, high = (2**d.low, 2**d.high) if d.scale == "pow2" else (d.low, d.high)
            assert low <= float(value) <= high


def test_a_declaration_prints_as_it_is_read() -> None:
    for dimension in SPACE.dimensions:
        assert parse(dimension.name, str(dimension)) == dimension


def test_values_outside_lie_at_the_bounds() -> None:
    assert parse("x", "log(1, 10)").encode(1000.0) == [1.0]
    assert parse("x", "pow2(2, 8)").encode(1) == [0.0]


def test_conditions_may_be_declared_before_their_choice() -> None:
    space = parse_all({"a": "linear(0, 1) if b=x", "b": "choice(x, y)"})
    assert [d.name for d in space.dimensions] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.1 to 0.5", "not a range: x='0.1 to 0.5'; expected such as log(1e-4, 0.1)"),
        ("lgo(1, 2)", "`lgo` is no scale"),
        ("log(0, 1)", "expected bounds above 0"),
        ("logit(0, 1)", "expected bounds between 0 and 1, both excluded"),
        ("linear(2, 1)", "expected finite bounds, the lower one first"),
        ("linear(0, inf)", "expected finite bounds"),
        ("linear(0, 1, 2)", "expected two numbers"),
        ("integer(0.5, 2)", "expected whole numbers"),
        ("pow2(3, 8)", "expected powers of two"),
        ("choice(a)", "expected at least two, each once"),
        ("choice(a, a)", "expected at least two, each once"),
    ],
)
def test_a_wrong_range_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse("x", text)
    assert words in str(caught.value) and "at sweep.x" in str(caught.value)


def test_a_space_refuses_what_cannot_be() -> None:
    a = parse("a", "linear(0, 1)")
    with pytest.raises(ConfigError, match="varies nothing"):
        Space([])
    with pytest.raises(ConfigError, match="`a` twice"):
        Space([a, a])
    with pytest.raises(ConfigError, match="`b` is varied if a=1"):
        Space([a, parse("b", "linear(0, 1) if a=1")])
    with pytest.raises(ConfigError, match="one of its values"):
        parse_all({"c": "choice(x, y)", "b": "linear(0, 1) if c=z"})


def test_text_becomes_the_value_it_looks_like() -> None:
    assert [read_value(text) for text in ("true", "3", "0.5", "'a'", "1e-3")] == [True, 3, 0.5, "a", 1e-3]
    assert describe({"a": 0.123456, "b": True, "c": "x"}, ["c", "a"]) == "c=x a=0.1235"
    assert math.isclose(float(read_value("1e-3")), 0.001)
