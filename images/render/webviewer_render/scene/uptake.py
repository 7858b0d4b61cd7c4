"""PET series in standardised uptake values: the factor enters here, once, before anything is drawn or measured."""

from __future__ import annotations

from webviewer.domain.image import FrameAttributes, ImageDescription, Window
from webviewer.domain.study import SeriesManifest

UNIT = "SUVbw g/ml"
_LEAST_WIDTH = 1e-9


def in_uptake(manifest: SeriesManifest) -> SeriesManifest:
    """Return the series with slopes, intercepts and windows in SUVbw (g/ml), if every image of it has a factor.

    Else it is returned as it is: values of two units beside each other would be worse than becquerel. What is stored
    stays what the file says; pictures with a window of the file are the same in both units.
    """
    images = [instance.image for instance in manifest.instances if instance.image is not None]
    if not images or any(image.suv_factor is None for image in images):
        return manifest
    instances = tuple(
        instance.model_copy(update={"image": _scaled(instance.image)}) if instance.image is not None else instance
        for instance in manifest.instances
    )
    return manifest.model_copy(update={"instances": instances})


def _scaled(image: ImageDescription) -> ImageDescription:
    factor = image.suv_factor
    if factor is None:
        return image
    frames = tuple(_scaled_frame(attributes, factor) for attributes in image.attributes)
    return image.model_copy(update={"attributes": frames, "rescale_type": UNIT})


def _scaled_frame(attributes: FrameAttributes, factor: float) -> FrameAttributes:
    return attributes.model_copy(
        update={
            "slope": attributes.slope * factor,
            "intercept": attributes.intercept * factor,
            "windows": tuple(_scaled_window(window, factor) for window in attributes.windows),
        }
    )


def _scaled_window(window: Window, factor: float) -> Window:
    if factor == 1:
        return window
    if window.function != "LINEAR":
        return window.model_copy(update={"center": window.center * factor, "width": window.width * factor})
    # LINEAR counts in whole values (PS3.3 C.11.2.1.2.1), which the new ones are not.
    center, width = (window.center - 0.5) * factor, max(window.width - 1, _LEAST_WIDTH) * factor
    return window.model_copy(update={"center": center, "width": width, "function": "LINEAR_EXACT"})
