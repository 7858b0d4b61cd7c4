"""Names burnt into pixels: which pictures may hold them, and what of these somebody may see who must not learn whose they are.

The rules answer to the Clean Pixel Data Option of PS3.15 E.3.1. Burned In Annotation (0028,0301) says whether a picture
identifies its patient; where it is absent a picture may or may not (PS3.3 C.7.6.1.1.6):

- ``NO``: the picture is shown as it is.
- ``YES``, or absent in a picture of a kind that usually carries texts (ultrasound, captured screens, photographs, scanned paper):
  of an ultrasound picture the regions are shown, whose pixels are an echo or a spectrum (PS3.3 C.8.5.5), and everything
  beside them is black; a picture without known regions is not shown.

Modalities that measure grey values show no texts, so that a picture in colour of one of them is a captured screen too.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from webviewer.codecs import attributes
from webviewer.domain.image import BurntIn, ImageDescription, LookupTable

RULES = 1
"""Goes up with every change of the rules: caches and browsers keep pictures by it."""
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_TEXT_CLASSES = ("3.", "6.", "7.", "77.1.")
"""Ultrasound multi-frame, ultrasound, secondary capture, visible light (PS3.4 B.5)."""
_TEXT_MODALITIES = frozenset({"US", "IVUS", "SC", "OT", "XC", "ES", "GM", "SM", "DMS", "OP", "DOC", "HC"})
_COLOURS = 3


def read_annotation(dataset: Dataset) -> BurntIn:
    """Return what the object says of names in its pixels; anything but the two defined values says nothing."""
    stated = attributes.text(dataset, "BurnedInAnnotation").upper()
    return "yes" if stated == "YES" else "no" if stated == "NO" else "unstated"


def nameless(image: ImageDescription, sop_class: str, modality: str) -> ImageDescription | None:
    """Return the picture as it may be shown without names, with ``visible`` where parts are hidden; None: not at all.

    A description that does not know what the object says counts as one of an object that says YES.
    """
    if image.burnt_in == "no" or (image.burnt_in == "unstated" and not _carries_texts(image, sop_class, modality)):
        return image
    if not image.regions:
        return None
    return image.model_copy(update={"visible": tuple(region.box for region in image.regions)})


def hide(pixels: NDArray[Any], image: ImageDescription) -> NDArray[Any]:
    """Return decoded pixels with everything black that is not ``visible``; what is visible stays as it is."""
    if image.visible is None:
        return pixels
    hidden = np.ones(pixels.shape[:2], bool)
    for left, top, right, bottom in image.visible:
        hidden[top : bottom + 1, left : right + 1] = False
    result = pixels.copy()
    result[hidden] = _black(pixels, hidden, image)
    return result


def _carries_texts(image: ImageDescription, sop_class: str, modality: str) -> bool:
    rest = f"{sop_class.removeprefix(_STORAGE)}."
    return rest.startswith(_TEXT_CLASSES) or modality.upper() in _TEXT_MODALITIES or image.samples == _COLOURS


def _black(pixels: NDArray[Any], hidden: NDArray[np.bool_], image: ImageDescription) -> float:
    """Return the stored value that is drawn darkest: of grey ones the end of the stored range."""
    if pixels.ndim == _COLOURS:
        return 0
    if image.photometric == "PALETTE COLOR" and image.palette is not None:
        tables = [_entries(table) for table in (image.palette.red, image.palette.green, image.palette.blue)]
        length = min(map(len, tables))
        darkest = int(np.argmin(sum(table[:length].astype(np.int64) for table in tables)))
        return max(image.palette.red.first + darkest, 0)
    bright_when_low = image.presentation_inverse != (image.frame(0).slope < 0)
    if image.floating:
        shown = pixels[~hidden & np.isfinite(pixels)]
        return float(shown.max() if bright_when_low else shown.min()) if shown.size else 0.0
    low = -(1 << (image.bits_stored - 1)) if image.signed else 0
    return low + (1 << image.bits_stored) - 1 if bright_when_low else low


def _entries(table: LookupTable) -> NDArray[np.uint16]:
    return np.frombuffer(base64.b64decode(table.data), "<u2")
