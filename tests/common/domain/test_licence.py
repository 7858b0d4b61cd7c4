"""Product codes, ends and fields of licences."""

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from webviewer.domain.licence import Licence, end_of, new_product_code, read_product_code
from webviewer.errors import InvalidRequestError

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def licence(**fields):
    return Licence(**{"id": "0" * 32, "product": "WV", "issued": NOW, "type": "unified"} | fields)


def test_product_codes_differ_and_are_read_as_people_write_them():
    codes = {new_product_code() for _ in range(100)}
    assert len(codes) == 100
    for code in codes:
        written = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
        assert read_product_code(code) == read_product_code(written) == read_product_code(code[3:]) == code


@given(st.integers(0, 19), st.sampled_from(LETTERS))
def test_a_mistyped_product_code_never_passes_for_the_right_one(place, letter):
    code = "WV-PCZ5V-4NEQZ-M8T95-JXH1J"
    places = [index for index, sign in enumerate(code) if sign != "-" and index > 2]
    typed = code[: places[place]] + letter + code[places[place] + 1 :]
    with contextlib.suppress(InvalidRequestError):
        assert (read_product_code(typed) == code) == (typed == code)


@pytest.mark.parametrize("text", ["", "WV-", "WV-PCZ5V-4NEQZ-M8T95-JXH1", "WV-PCZ5V-4NEQZ-M8T95-JXH1JJ", "ключ"])
def test_what_is_no_product_code_is_refused(text):
    with pytest.raises(InvalidRequestError):
        read_product_code(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-12-31", dt.datetime(2027, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("2027-12-31T12:00:00+03:00", dt.datetime(2027, 12, 31, 9, tzinfo=dt.UTC)),
        ("2027-12-31T12:00:00Z", dt.datetime(2027, 12, 31, 12, tzinfo=dt.UTC)),
    ],
)
def test_an_end_is_a_whole_day_or_a_moment(text, moment):
    assert end_of(text) == moment


@pytest.mark.parametrize("text", ["2027-02-30", "tomorrow", "2027-12-31T12:00:00", "31.12.2027", ""])
def test_an_end_without_a_zone_or_of_no_day_is_refused(text):
    with pytest.raises(InvalidRequestError, match="write a day"):
        end_of(text)


@pytest.mark.contract("E07", "E10", "E12")
def test_a_licence_has_the_fields_of_its_type_only():
    whole = licence(concurrents=5, link_connections=2, links=100, policy="users-use-links")
    assert (whole.concurrents, whole.link_connections, whole.links, whole.policy) == (5, 2, 100, "users-use-links")
    assert licence(type="concurrent", concurrents=1).policy == "separate"
    assert licence(type="personal").ends is None
    for wrong in (
        {"type": "concurrent"},
        {"type": "concurrent", "concurrents": 1, "links": 1},
        {"type": "concurrent", "concurrents": 1, "policy": "links-use-users"},
        {"type": "personal", "concurrents": 1},
        {"type": "personal", "link_connections": 1},
        {"type": "trial"},
        {"concurrents": -1},
        {"policy": "anybody"},
        {"ends": dt.datetime(2027, 1, 1)},  # noqa: DTZ001 - the point of the test
    ):
        with pytest.raises(ValidationError):
            licence(**wrong)
