"""A volume that fills up in the middle: refused with the right words, nothing left, fine again with room."""

# ruff: noqa: PLR0913 - fixtures are arguments

import asyncio
import os
import subprocess

import pytest

from webviewer.errors import StorageFullError
from webviewer.testing.storage_port import upload

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def small_volume(tmp_path):
    """A file system of 8 MB; root only."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small volume needs root")
    place = tmp_path / "volume"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def image(make_object, number, kilobytes):
    side = {1024: 724, 3072: 1254}[kilobytes]
    return make_object(number, Rows=side, Columns=side, PixelData=os.urandom(side * side * 2))


async def test_c_store_answers_out_of_resources(
    small_volume, settings, start, make_object, dicom_association, send_data_set, files_of
):
    async with start(settings, data=small_volume) as node:
        statuses = []
        async with dicom_association(node.dicom_port) as assoc:
            for number in range(10):
                content = image(make_object, number, 1024)
                data = content[content.index(b"\x08\x00\x05\x00") :]
                answer = await asyncio.to_thread(send_data_set, assoc, data, CT, f"1.2.3.1.1.{number}")
                statuses.append(answer.Status)
            assert set(statuses) == {0, 0xA700}
            assert statuses[0] == 0
            assert len(files_of(small_volume)) == statuses.count(0)
            data = make_object(99)
            data = data[data.index(b"\x08\x00\x05\x00") :]
            answer = await asyncio.to_thread(send_data_set, assoc, data, CT, "1.2.3.1.1.99")
            assert answer.Status in {0, 0xA700, 0x0110}


async def test_uploads_are_refused_and_what_came_is_resumable(small_volume, settings, start, make_object, token):
    async with start(settings, data=small_volume, no_dicom=True) as node:
        mine = token(node.shared_store)
        refused = 0
        for number in range(6):
            try:
                state = await upload(node.port, mine, image(make_object, number, 3072))
                refused += state.state == "failed"
            except StorageFullError:
                refused += 1
        assert 0 < refused < 6
        await node.port.ping()
        assert not list((small_volume / "incoming").iterdir())
