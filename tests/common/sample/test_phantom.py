"""The phantom is what its formulas say."""

from io import BytesIO

import numpy as np
import pydicom
import pytest

from webviewer.sample.phantom import SPHERES, Ellipsoid
from webviewer.sample.series import PhantomSeries

SPHERE = Ellipsoid((3.0, -4.0, 5.0), (10.0, 10.0, 10.0), 500.0)


def series(**changes):
    defaults = {"rows": 48, "columns": 64, "slices": 40, "spacing": 1.0, "step": 1.0, "noise": 0.0}
    return PhantomSeries(**({"center": SPHERE.center, "bodies": (SPHERE,)} | defaults | changes))


def test_a_sphere_has_its_volume_within_one_percent():
    phantom = series()
    cover = sum((phantom.stored_values(k).astype(float) - 24).sum() for k in range(phantom.slices)) / 1500
    assert cover * phantom.spacing**2 * phantom.step == pytest.approx(SPHERE.volume, rel=0.01)


def test_the_centre_of_a_sphere_is_where_the_geometry_says():
    phantom = series()
    weights = np.stack([phantom.stored_values(k).astype(float) - 24 for k in range(phantom.slices)])
    z, y, x = (np.average(axis, weights=weights) for axis in np.indices(weights.shape))
    first = phantom.origin(0)
    assert (first[0] + x, first[1] + y, first[2] + z) == pytest.approx(SPHERE.center, abs=0.05)


def test_an_instance_is_a_valid_file_that_says_its_place():
    phantom = series()
    dataset = pydicom.dcmread(BytesIO(phantom.instance(7)))
    assert tuple(dataset.ImagePositionPatient) == pytest.approx(phantom.origin(7))
    assert dataset.PixelSpacing == [1.0, 1.0]
    assert dataset.pixel_array.shape == (48, 64)
    assert dataset.file_meta.TransferSyntaxUID.is_little_endian


def test_the_same_slice_is_the_same_bytes_every_time():
    phantom = series(noise=9.0)
    assert phantom.instance(3) == phantom.instance(3)


def test_nodules_lie_free_in_the_lungs():
    phantom = PhantomSeries(noise=0.0)
    for nodule in SPHERES:
        index = round((nodule.center[2] - phantom.origin(0)[2]) / phantom.step)
        row = round((nodule.center[1] - phantom.origin(0)[1]) / phantom.spacing)
        column = round((nodule.center[0] - phantom.origin(0)[0]) / phantom.spacing)
        values = phantom.stored_values(index).astype(int) - 1024
        beside = column + round((nodule.radii[0] + 2) / phantom.spacing)
        assert values[row, column] == 60
        assert values[row, beside] == -860
