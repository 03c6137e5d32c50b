"""Names out of pickles without unpickling."""

import pickle
from collections import OrderedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labcut3d.formats.literals import Refused, parse_literal

PLAIN = st.recursive(
    st.text(max_size=20) | st.integers(-(2**40), 2**40) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


@given(value=PLAIN, protocol=st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_plain_values_come_back(value: object, protocol: int) -> None:
    assert parse_literal(pickle.dumps(value, protocol)) == value


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused_or_plain(stream: bytes) -> None:
    try:
        value = parse_literal(stream)
    except Refused:
        return
    assert value is None or isinstance(value, str | bytes | int | float | list | tuple)


@pytest.mark.parametrize("value", [OrderedDict(), print, {"a": 1}, {1, 2}])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_anything_else_is_refused(value: object, protocol: int) -> None:
    with pytest.raises(Refused):
        parse_literal(pickle.dumps(value, protocol))
