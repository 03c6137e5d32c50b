"""The template: escaping, numbers, arrays."""

import base64
import json

import numpy as np
import plotly.graph_objects as go
import pytest

from labcut3d.viewers.page import (
    Number,
    Page,
    encode_array,
    figure_block,
    json_for_script,
    length_text,
    number_text,
    render,
    table_block,
)


def test_json_cannot_leave_its_script():
    value = {"</script>": ["<!--", "&", "\u2028", float("nan"), (1.5, float("inf"))]}
    text = json_for_script(value)
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"</script>": ["<!--", "&", "\u2028", None, [1.5, None]]}


def test_all_text_of_a_page_is_escaped(read_page):
    evil = "<u>&\"'</u>"
    page = render(
        Page(
            kind=evil,
            title=evil,
            subtitle=evil,
            numbers=[Number(label=evil, value=evil, tone=evil)],
            body=figure_block("one", evil, evil) + table_block(evil, [evil], [[evil]], evil),
            figures={"one": go.Figure(go.Scatter(x=[1], y=[2]))},
            data={"user": evil},
        )
    )
    data = read_page(page)
    assert data["user"] == evil
    assert data["figures"]["one"]["data"][0]["x"] == [1]
    assert "<u>" not in page.split("<script>")[0]


def test_dollar_signs_of_users_are_kept():
    page = render(
        Page(kind="$data", title="$plotly", subtitle="$$", numbers=[], body="<p>$script</p>")
    )
    assert "<h1>$plotly</h1>" in page
    assert "<p>$script</p>" in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.31234, "0.312 px"),
        (12.345, "12.3 px"),
        (1234.5, "1234 px"),
        (0.0, "0.00 px"),
        (np.nan, "–"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert number_text(value, 3, "px") == text


def test_arrays_come_back(tmp_path):
    array = np.random.default_rng(0).normal(size=(3, 4))
    packed = encode_array(array, "<f8")
    back = np.frombuffer(base64.b64decode(packed["data"]), "<" + packed["dtype"])
    np.testing.assert_array_equal(back.reshape(packed["shape"]), array)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0321, "mm", "0.0321 mm"),
        (0.000416, "mm", "0.416 µm"),
        (0.0051, "m", "5100 µm"),
        (0.002, "in", "0.00200 in"),
        (float("nan"), "mm", "–"),
    ],
)
def test_small_lengths_are_in_micrometres(value, unit, text):
    assert length_text(value, unit) == text
