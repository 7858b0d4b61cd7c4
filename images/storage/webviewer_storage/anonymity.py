"""What an anonymised session gets of studies and series: nothing that names a person, decided where the names are.

Left out is what the Basic Application Level Confidentiality Profile (PS3.15 annex E, table E.1-1) removes or replaces and we
would send: names, ids, dates, institutions, UIDs, and all free text, in which any of these may stand. What stays are
coded values and numbers. ``version`` becomes another one, so that no cache can take a picture for the other kind of session.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection

from webviewer.codecs.burnt_in import RULES, nameless
from webviewer.domain.image import BurntIn, FrameAttributes, ImageDescription, LookupTable
from webviewer.domain.study import (
    InstanceSource,
    SeriesManifest,
    SeriesSummary,
    StudyDetail,
    StudyPage,
    StudyQuery,
    StudySummary,
)
from webviewer.reasons import Reason, Why

_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
"""A coded string (PS3.5 6.2, CS)."""
_NUMBERS = re.compile(r"[-+0-9.eE]{1,24}(\\[-+0-9.eE]{1,24})*")
_AGE = re.compile(r"(\d{3})[DWMY]")
_UID = re.compile(r"[0-9.]{1,64}")
_OLDEST = 89
"""Years; whoever is older is easily found."""
_CODED_TECHNIQUE = frozenset({"PatientPosition", "ViewPosition", "ScanningSequence", "SequenceVariant"})
_SIDES = frozenset({"L", "R", "B", "U"})
_HIDDEN_FIELDS = ("name", "pid", "acc", "desc", "ref", "date_from", "date_to", "birth_date")
_HIDDEN_ORDERS = frozenset({"name", "pid", "dob", "date", "acc", "desc", "ref", "inst", "recv"})
_UNITS = frozenset(
    {"HU", "OD", "PCT", "Z_EFF", "ED", "EDW", "HU_MOD", "MGML", "BQML", "GML", "CNTS", "CPS", "PROPCNTS", "PROPCPS", "CM2ML",
     "UMOLML", "MLG", "1CM", "NONE", "GY", "RELATIVE", "SUVLBM G/ML", "SUVIBW G/ML", "SUVBW G/ML"}
)  # fmt: skip
"""Of modality values: defined terms of the standard, and what ours are called. Anything else is free text."""


def search_without_names(query: StudyQuery) -> StudyQuery | None:
    """Return the search, in an order that tells nothing; None where it asks for what is not shown: it would find names."""
    if any(getattr(query, field) for field in _HIDDEN_FIELDS):
        return None
    return query.model_copy(update={"sort": "nser"}) if query.sort in _HIDDEN_ORDERS else query


def page_without_names(page: StudyPage) -> StudyPage:
    """Return a page of the study list."""
    return page.model_copy(update={"studies": tuple(map(_study, page.studies))})


def detail_without_names(detail: StudyDetail, hidden: Collection[str]) -> StudyDetail:
    """Return a study with its series; ``hidden`` are those that have no picture for this session."""
    series = tuple(_series(item, is_hidden=item.id in hidden) for item in detail.series)
    return StudyDetail(study=_study(detail.study), series=series)


def manifest_without_names(
    manifest: SeriesManifest, study: str, sop_classes: tuple[str, ...], annotation: Callable[[InstanceSource], BurntIn]
) -> SeriesManifest:
    """Return what render may know of a series. ``annotation`` reads what an object says of names in its pixels."""
    instances = tuple(
        _instance(source, study, sop_class, manifest.modality, annotation)
        for source, sop_class in zip(manifest.instances, sop_classes, strict=True)
    )
    return SeriesManifest(
        series=manifest.series,
        version=_version(manifest.version),
        modality=_code(manifest.modality),
        instances=instances,
    )


def _study(study: StudySummary) -> StudySummary:
    age = _AGE.fullmatch(study.age)
    too_old = age is not None and study.age.endswith("Y") and int(age[1]) > _OLDEST
    return StudySummary(
        id=study.id,
        store=study.store,
        sex=study.sex,
        age=study.age if age and not too_old else "",
        mod=tuple(code for modality in study.mod if (code := _code(modality))),
        region=", ".join(code for region in study.region.split(", ") if (code := _code(region))),
        nser=study.nser,
        ninst=study.ninst,
        size=study.size,
    )


def _series(series: SeriesSummary, *, is_hidden: bool) -> SeriesSummary:
    why, problem = _reason(series.why, series.problem)
    if is_hidden and not problem:
        why = Why.MAY_SHOW_NAMES()
        problem = why.text
    return SeriesSummary(
        id=series.id,
        number=series.number,
        modality=_code(series.modality),
        region=_code(series.region),
        laterality=series.laterality if series.laterality in _SIDES else "",
        kind=series.kind,
        ninst=series.ninst,
        nframes=series.nframes,
        version=_version(series.version),
        problem=problem,
        why=why,
        technique={key: value for key, value in series.technique.items() if _tells_technique(key, value)},
    )


def _tells_technique(keyword: str, value: str) -> bool:
    if keyword in _CODED_TECHNIQUE:
        return all(_CODE.fullmatch(part) for part in value.split("\\"))
    return _NUMBERS.fullmatch(value) is not None


def _instance(
    source: InstanceSource,
    study: str,
    sop_class: str,
    modality: str,
    annotation: Callable[[InstanceSource], BurntIn],
) -> InstanceSource:
    why, problem = _reason(source.why, source.problem)
    image = source.image
    if image is not None:
        if image.burnt_in is None:  # stored by a former release
            image = image.model_copy(update={"burnt_in": annotation(source)})
        image = nameless(image, sop_class, modality)
        if image is None:
            why = Why.MAY_SHOW_NAMES()
            problem = why.text
    return source.model_copy(
        update={
            "image": None if image is None else _image(image, study),
            "problem": problem,
            "why": why,
        }
    )


def _image(image: ImageDescription, study: str) -> ImageDescription:
    """Take the free texts out of a description; frames of reference stay comparable within the study only."""
    palette = image.palette
    silent = palette and palette.model_copy(
        update={name: _table(getattr(palette, name)) for name in ("red", "green", "blue")}
    )
    return image.model_copy(
        update={
            "attributes": tuple(map(_frame, image.attributes)),
            "modality_lut": image.modality_lut and _table(image.modality_lut),
            "voi_luts": tuple(map(_table, image.voi_luts)),
            "palette": silent,
            "rescale_type": image.rescale_type if image.rescale_type.upper() in _UNITS else "",
            "space": hashlib.sha256(f"{study}:{image.space}".encode()).hexdigest()[:16] if image.space else "",
        }
    )


def _frame(attributes: FrameAttributes) -> FrameAttributes:
    if not any(window.explanation for window in attributes.windows):
        return attributes
    windows = tuple(window.model_copy(update={"explanation": ""}) for window in attributes.windows)
    return attributes.model_copy(update={"windows": windows})


def _table(table: LookupTable) -> LookupTable:
    return table.model_copy(update={"explanation": ""})


def _reason(why: Reason | None, problem: str) -> tuple[Reason | None, str]:
    """Return a cause without the values that were read of the object as text."""
    if why is None:
        return None, Why.NO_PICTURE().text if problem else ""
    values = {key: value if _is_harmless(key, value) else "?" for key, value in why.values.items()}
    silent = Reason(code=why.code, values=values)
    return silent, silent.text if problem else ""


def _is_harmless(key: str, value: int | str) -> bool:
    if isinstance(value, int) or key in {"attribute", "element"}:
        return True
    return key == "syntax" and _UID.fullmatch(value) is not None


def _code(value: str) -> str:
    return value if _CODE.fullmatch(value) else ""


def _version(version: str) -> str:
    return hashlib.sha256(f"anonymised:{RULES}:{version}".encode()).hexdigest()[:32]
