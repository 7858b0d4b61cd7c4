"""Causes: an English sentence for the API, and one in each language of the pages, with the same values."""

import json
import string
from pathlib import Path

import pytest

from webviewer.errors import DamagedObjectError
from webviewer.reasons import Reason, Why

LOCALES = Path(__file__).parents[2] / "html" / "src" / "locales"


def names(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_pages_have_a_sentence_for_every_cause_with_its_values(language):
    texts = json.loads((LOCALES / language / "reason.json").read_text(encoding="utf-8"))
    assert {f"reason.{why.name.lower()}" for why in Why} == set(texts)
    for why in Why:
        shown = texts[f"reason.{why.name.lower()}"]
        assert names(shown) == names(why.value), why
        assert shown.endswith("."), why


def test_a_reason_says_its_values_and_survives_the_wire():
    reason = Why.PIXELS_CUT(available=10, needed=64, complete=0, frames=1)
    assert reason.text == "the pixel data end early: 10 of 64 bytes, 0 of 1 frames are there"
    assert Reason.model_validate_json(reason.model_dump_json()) == reason


def test_an_error_with_a_reason_says_it_and_one_from_elsewhere_has_none():
    error = DamagedObjectError(Why.FILE_EMPTY())
    assert (error.message, error.why) == ("the file is empty", Why.FILE_EMPTY())
    assert DamagedObjectError("a peer's words").why is None
