"""PostgreSQL goes away under a running node and comes back."""

import asyncio

import pytest
from pydantic import SecretStr

from webviewer.domain.study import StudyQuery
from webviewer.errors import PeerUnavailableError
from webviewer.settings import Settings


@pytest.fixture
async def served(tmp_path, lone_postgresql, start):
    url = SecretStr(lone_postgresql())
    async with start(Settings(data=tmp_path / "data", database_url=url, dicom_port=0, min_free_bytes=1)) as node:
        yield node


def write(folder, make_object, numbers):
    paths = []
    for number in numbers:
        paths.append(folder / f"{number}.dcm")
        paths[-1].write_bytes(make_object(number))
    return paths


async def ingest(node, paths):
    return [
        outcome.status
        for outcome in await asyncio.gather(*(node.ingest_file(node.shared_store, path, path.name) for path in paths))
    ]


async def test_it_says_so_and_goes_on_by_itself_when_the_database_is_back(
    served, lone_postgresql, token, make_object, tmp_path
):
    grant = token(served.shared_store)
    before, during, after = (write(tmp_path, make_object, numbers) for numbers in ([1], range(2, 8), [8]))
    assert await ingest(served, before) == ["stored"]
    await asyncio.to_thread(lone_postgresql.stop)
    with pytest.raises(PeerUnavailableError, match="database"):
        await served.port.list_studies(grant, StudyQuery())
    with pytest.raises(PeerUnavailableError, match="database"):
        await served.port.ping()
    assert set(await ingest(served, during)) == {"rejected"}
    await asyncio.to_thread(lone_postgresql.start)
    assert await ingest(served, after) == ["stored"]
    assert await ingest(served, during) == ["stored"] * len(during)
    [study] = (await served.port.list_studies(grant, StudyQuery())).studies
    assert study.ninst == 8


async def test_refused_objects_leave_no_files_behind(served, lone_postgresql, make_object, tmp_path, files_of):
    await ingest(served, write(tmp_path, make_object, [1]))
    await asyncio.to_thread(lone_postgresql.stop)
    await ingest(served, write(tmp_path, make_object, range(2, 6)))
    await asyncio.to_thread(lone_postgresql.start)
    await ingest(served, write(tmp_path, make_object, [9]))
    files = files_of(tmp_path / "data")
    assert len(files) == 2
    assert all(name.startswith("blobs/") for name in files)


async def test_a_sender_is_told_failure_and_may_send_again(
    served, lone_postgresql, make_object, dicom_association, send_data_set
):
    def data_set(number):
        content = make_object(number)
        return content[144 + int.from_bytes(content[140:144], "little") :]

    async with dicom_association(served.dicom_port) as association:
        await asyncio.to_thread(lone_postgresql.stop)
        refused = await asyncio.to_thread(send_data_set, association, data_set(1))
        await asyncio.to_thread(lone_postgresql.start)
        stored = await asyncio.to_thread(send_data_set, association, data_set(1))
    assert (refused.Status, stored.Status) == (0x0110, 0)
