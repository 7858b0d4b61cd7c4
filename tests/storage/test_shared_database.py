"""Several storage nodes on one PostgreSQL: each has a schema of its own and knows nothing of the others."""

import pytest
from pydantic import SecretStr

from webviewer.db import engine as db
from webviewer.domain.identity import Store
from webviewer.domain.study import StudyQuery
from webviewer.testing.storage_port import upload
from webviewer_storage.index.database import open_index, schema_of
from webviewer_storage.index.models import Base


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_nodes_of_one_database_have_their_own_studies(settings, start, token, make_object, tmp_path):
    second = settings.model_copy(update={"data": tmp_path / "second", "storage_index": 1})
    async with start(settings, no_dicom=True) as one, start(second, no_dicom=True) as other:
        for node in (one, other):
            await node.port.put_store(token(), Store(id="mine", kind="user"))
        assert (await upload(one.port, token("mine"), make_object(1))).outcomes[0].status == "stored"
        assert [
            (await node.port.list_studies(token("mine"), StudyQuery())).total for node in (one, other)
        ] == [1, 0]  # fmt: skip
    async with open_index(second, migrate=False) as engine:
        assert list(await db.differences(engine, Base.metadata, "storage_1")) == []


def test_a_file_is_never_shared_so_its_name_stays(settings):
    lone = settings.model_copy(update={"storage_index": 3})
    assert schema_of(lone) == "storage"
    assert schema_of(lone.model_copy(update={"database_url": SecretStr("postgresql://x/y")})) == "storage_3"
