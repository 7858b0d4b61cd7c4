"""The factor that makes standardised uptake values (SUVbw, g/ml) of the values of a PET image (PS3.3 C.8.9).

SUVbw = activity concentration * body weight / injected activity, the latter decayed to the moment that the concentration is
corrected to. Whatever is missing, contradicts itself or can be understood in two ways gives no factor: a wrong uptake value
is worse than none. Only objects of the PET Image module have it, not enhanced ones.
"""

from __future__ import annotations

import datetime as dt
import math
import re

from pydicom.dataset import Dataset

from webviewer.codecs import attributes

_GRAMS = 1000.0
_WEIGHTS = (0.1, 700.0)
"""Kilograms that a patient may weigh."""
_LEAST_DOSE = 1e5
"""Becquerel. Less is never injected: such a number is one of megabecquerel."""
_HALF_LIVES = (10.0, 1e7)
"""Seconds."""
_LONG = 8 * 3600.0
"""Seconds: nuclides of a longer half life are imaged days later too, so a time without its date says too little."""
_MOST_HALF_LIVES = 20
_TIME = re.compile(r"(\d\d):?(\d\d):?(\d\d)(?:\.(\d{1,6}))?")
_MOMENT = re.compile(r"(\d{8})(\d{6}(?:\.\d{1,6})?)([+-]\d{4})?")
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)")
_PHILIPS = (0x7053, "Philips PET Private Group")
_GE = (0x0009, "GEMS_PETD_01")


def suv_factor(dataset: Dataset) -> float | None:
    """Return what modality values are multiplied with to be SUVbw in g/ml, None where that cannot be told.

    Units BQML need weight, dose, half life and times; GML are such values already (unless SUVType says another kind); CNTS
    have a factor of the vendor, or one to Bq/ml.
    """
    if attributes.text(dataset, "Modality") != "PT":
        return None
    units = attributes.text(dataset, "Units").upper()
    if units == "GML":
        return 1.0 if attributes.text(dataset, "SUVType").upper() in {"", "BW"} else None
    if "ATTN" not in _corrections(dataset):
        return None
    if units == "BQML":
        return _of_activity(dataset)
    return _of_counts(dataset) if units == "CNTS" else None


def _of_counts(dataset: Dataset) -> float | None:
    if (stated := _private_number(dataset, _PHILIPS, 0x00)) is not None:
        return stated
    to_activity, factor = _private_number(dataset, _PHILIPS, 0x09), _of_activity(dataset)
    return to_activity * factor if to_activity is not None and factor is not None else None


def _corrections(dataset: Dataset) -> set[str]:
    return {text.upper() for text in attributes.texts(dataset, "CorrectedImage")}


def _of_activity(dataset: Dataset) -> float | None:
    """Return the factor of Bq/ml."""
    drug = attributes.items(dataset, "RadiopharmaceuticalInformationSequence")
    if len(drug) != 1:
        return None
    weight = _within(attributes.number(dataset, "PatientWeight"), *_WEIGHTS)
    dose = _within(attributes.number(drug[0], "RadionuclideTotalDose"), _LEAST_DOSE, math.inf)
    if weight is None or dose is None:
        return None
    decay = _decay(dataset, drug[0])
    return None if decay is None else weight * _GRAMS / (dose * decay)


def _decay(dataset: Dataset, drug: Dataset) -> float | None:
    """Return which share of the injected activity is left at the moment the pixels are corrected to."""
    correction = attributes.text(dataset, "DecayCorrection").upper()
    corrected = "DECY" in _corrections(dataset)
    if correction == "ADMIN" and corrected:
        return 1.0
    half_life = _within(attributes.number(drug, "RadionuclideHalfLife"), *_HALF_LIVES)
    if half_life is None:
        return None
    if correction == "START" and corrected:
        moment = _scan_start(dataset, half_life)
    elif correction == "NONE" and not corrected:
        moment = _frame_moment(dataset, half_life)
    else:
        return None
    elapsed = None if moment is None else _elapsed(dataset, drug, moment, half_life)
    return None if elapsed is None else 2.0 ** (-elapsed / half_life)


def _scan_start(dataset: Dataset, half_life: float) -> dt.datetime | None:
    """Return when the scan began, to which all beds of it are corrected.

    That is the series' time, unless a later series was made of an older one: then it is in a private attribute, or follows
    from where the middle of this frame lies (FrameReferenceTime).
    """
    series = _at(dataset, "SeriesDate", "SeriesTime")
    acquired = _at(dataset, "AcquisitionDate", "AcquisitionTime")
    if series is None or acquired is None:
        return None
    if series <= acquired:
        return series
    stated = _parsed(_private_text(dataset, _GE, 0x0D))
    if stated is not None:
        return stated[0]
    reference = _within(attributes.number(dataset, "FrameReferenceTime"), 1e-3, 1e10)
    middle = _frame_moment(dataset, half_life)
    return None if reference is None or middle is None else middle - dt.timedelta(milliseconds=reference)


def _frame_moment(dataset: Dataset, half_life: float) -> dt.datetime | None:
    """Return when the count rate of a frame was its mean, as activity that decays makes it (C.8.9.4.1.5)."""
    acquired = _at(dataset, "AcquisitionDate", "AcquisitionTime")
    duration = _within(attributes.number(dataset, "ActualFrameDuration"), 1.0, 1e9)
    if acquired is None or duration is None:
        return None
    constant = math.log(2) / half_life
    decay = constant * duration / 1000
    return acquired + dt.timedelta(seconds=math.log(decay / -math.expm1(-decay)) / constant)


def _elapsed(dataset: Dataset, drug: Dataset, moment: dt.datetime, half_life: float) -> float | None:
    """Return seconds from the injection to ``moment``."""
    stated = _parsed(attributes.text(drug, "RadiopharmaceuticalStartDateTime"))
    if stated is not None:
        start, zone = stated
        local = _zone(attributes.text(dataset, "TimezoneOffsetFromUTC"))
        if zone is not None and local is not None:
            start += local - zone
    else:
        time = _time(attributes.text(drug, "RadiopharmaceuticalStartTime"))
        if time is None or half_life > _LONG:
            return None
        start = dt.datetime.combine(moment.date(), time)
        if start > moment:  # injected before midnight
            start -= dt.timedelta(days=1)
    seconds = (moment - start).total_seconds()
    return seconds if 0 <= seconds <= _MOST_HALF_LIVES * half_life else None


def _within(value: float | None, low: float, high: float) -> float | None:
    return value if value is not None and low <= value <= high else None


def _at(dataset: Dataset, date: str, time: str) -> dt.datetime | None:
    day, clock = attributes.text(dataset, date).replace(".", ""), _time(attributes.text(dataset, time))
    try:
        return dt.datetime.combine(dt.datetime.strptime(day, "%Y%m%d").date(), clock) if clock else None  # noqa: DTZ007
    except ValueError:
        return None


def _time(text: str) -> dt.time | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second, fraction = found.groups()
    try:
        return dt.time(int(hour), int(minute), int(second), int((fraction or "").ljust(6, "0")))
    except ValueError:
        return None


def _parsed(text: str) -> tuple[dt.datetime, dt.timedelta | None] | None:
    """Return local time and its zone, if that is stated, of a DT value."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    clock = _time(found[2])
    try:
        day = dt.datetime.strptime(found[1], "%Y%m%d").date()  # noqa: DTZ007 - dates have no zone
    except ValueError:
        return None
    return (dt.datetime.combine(day, clock), _zone(found[3] or "")) if clock else None


def _zone(text: str) -> dt.timedelta | None:
    found = _ZONE.fullmatch(text)
    if found is None:
        return None
    offset = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -offset if found[1] == "-" else offset


def _private_text(dataset: Dataset, block: tuple[int, str], offset: int) -> str:
    try:
        value = dataset.private_block(*block)[offset].value
    except Exception:  # noqa: BLE001 - absent, or damaged in one of many ways
        return ""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return str(value).strip(" \0")


def _private_number(dataset: Dataset, block: tuple[int, str], offset: int) -> float | None:
    try:
        value = float(_private_text(dataset, block, offset))
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
