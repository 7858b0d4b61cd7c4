"""The camera that all renderers of a run share, and the volume it looks at."""

import numpy as np
import pytest

from webviewer.bench import phantoms
from webviewer.bench.raw_series import read_files
from webviewer.bench.turntable import Turntable
from webviewer.bench.volume_file import BenchVolume
from webviewer.domain.view import VolumeView
from webviewer.errors import UnsupportedImageError
from webviewer.sample.series import PhantomSeries

SMALL = PhantomSeries(rows=16, columns=24, slices=5, spacing=20.0, step=30.0, noise=0, name="turntable")


@pytest.fixture
def volume():
    with phantoms.files_of(None, SMALL) as files:
        return BenchVolume.of(read_files(reversed(files)))


def test_a_volume_is_made_of_the_slices_in_the_order_of_their_places(volume, tmp_path):
    values = np.stack([SMALL.stored_values(k).astype(int) - 1024 for k in range(5)])
    np.testing.assert_array_equal(volume.values, values)
    np.testing.assert_allclose(volume.spacing, (20, 20, 30))
    np.testing.assert_allclose(volume.middle, SMALL.center)
    volume.save(tmp_path / "volume.npz")
    again = BenchVolume.load(tmp_path / "volume.npz")
    np.testing.assert_array_equal(again.values, volume.values)
    np.testing.assert_array_equal(again.axes, np.eye(3))


def test_two_slices_are_no_volume():
    with phantoms.files_of(None, SMALL) as files, pytest.raises(UnsupportedImageError, match="parallel slices"):
        BenchVolume.of(read_files(files[:2]))


@pytest.mark.parametrize("number", [0, 7.25, 100])
def test_the_camera_is_square_and_looks_down_at_the_middle(volume, number):
    camera = Turntable.around(volume, "mip")
    right, down, ahead = camera.axes(number)
    np.testing.assert_allclose(np.array([right, down, ahead]) @ np.array([right, down, ahead]).T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(right, down), ahead, atol=1e-12)
    assert down[2] < 0
    assert ahead[2] == pytest.approx(-np.sin(np.radians(20)))
    view = VolumeView(**camera.patch(number))
    assert view.center == pytest.approx(SMALL.center)
    assert view.extent == pytest.approx(23 * 20 * 1.02)


def test_planes_are_not_drawn_smaller_than_their_voxels(volume):
    assert Turntable.around(volume, "oblique").extent < volume.size[0]
