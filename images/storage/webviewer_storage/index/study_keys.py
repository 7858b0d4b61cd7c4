"""How a study is found and sorted: its keys and terms, made from the facts of its first object."""

from __future__ import annotations

from typing import Any

from webviewer.domain.search_form import search_form
from webviewer_storage.index.models import TERM_LENGTH
from webviewer_storage.ingest.facts import StudyFacts
from webviewer_storage.ingest.text import name_groups

NAME_WORD, NAME = "name", "names"
DESCRIPTION_WORD, DESCRIPTION = "desc", "descs"
REFERRER_WORD, REFERRER = "ref", "refs"
MODALITY, REGION = "mod", "region"
_MAX_WORDS = 32


def study_keys(facts: StudyFacts) -> dict[str, Any]:
    """Return the ``…_key`` columns of a study."""
    return {
        "date_key": facts.time.strftime("%Y%m%d%H%M%S") if facts.time else "",
        "name_key": key(" ".join(name_groups(facts.name)[:1])),
        "pid_key": key(facts.pid),
        "acc_key": key(facts.accession),
        "birth_key": facts.birth_date.strftime("%Y%m%d") if facts.birth_date else "",
        "description_key": key(facts.description),
        "referrer_key": key(" ".join(name_groups(facts.referrer)[:1])),
        "institution_key": key(facts.institution),
    }


def study_terms(facts: StudyFacts) -> set[tuple[str, str]]:
    """Return the (field, term) pairs that a new study is found by."""
    terms = _terms(NAME_WORD, NAME, name_groups(facts.name))
    terms |= _terms(REFERRER_WORD, REFERRER, name_groups(facts.referrer))
    return terms | _terms(DESCRIPTION_WORD, DESCRIPTION, [search_form(facts.description)])


def key(text: str) -> str:
    """Return the search form of ``text``, bounded as the columns are."""
    return search_form(text)[:TERM_LENGTH]


def _terms(word_field: str, value_field: str, values: list[str]) -> set[tuple[str, str]]:
    words = {(word_field, word[:TERM_LENGTH]) for value in values for word in value.split()[:_MAX_WORDS]}
    return words | {(value_field, value[:TERM_LENGTH]) for value in values if value}
