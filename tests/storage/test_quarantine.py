"""The quarantine: sorted pages of several stores, and what an index of the first release becomes."""

import pytest
from sqlalchemy import text

from webviewer.db import engine as db
from webviewer.domain.study import QuarantineQuery
from webviewer.errors import NotFoundError
from webviewer.testing.storage_port import upload
from webviewer_storage.index import quarantine
from webviewer_storage.index.database import SCRIPTS, open_index, schema_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
async def held(node, store, token, make_object):
    """Four damaged objects in two stores. Returns a token for both."""
    for owner, name, cut in ((store, "b.dcm", 20), (node.shared_store, "A.dcm", 40), (store, "C.dcm", 30)):
        await upload(node.port, token(owner), make_object(1)[:-cut], name)
    await upload(node.port, token(node.shared_store), make_object(1, StudyInstanceUID=None), "d.dcm")
    return token(store, node.shared_store)


async def test_every_column_sorts_both_ways_and_pages_fit_together(node, held):
    async def items(**query):
        page = await node.port.list_quarantine(held, QuarantineQuery(**query))
        assert page.total == 4
        return page.items

    values = {
        "received": lambda item: item.received,
        "name": lambda item: item.name.lower(),
        "size": lambda item: item.size,
        "source": lambda item: item.source,
        "reason": lambda item: item.reason,
    }
    for sort, value in values.items():
        for descending in (False, True):
            whole = await items(sort=sort, descending=descending)
            assert list(map(value, whole)) == sorted(map(value, whole), reverse=descending), sort
            pages = [await items(sort=sort, descending=descending, limit=3, offset=offset) for offset in (0, 3)]
            assert [len(page) for page in pages] == [3, 1]
            assert pages[0] + pages[1] == whole, sort
    assert [item.name for item in await items(sort="name", descending=False)] == ["A.dcm", "b.dcm", "C.dcm", "d.dcm"]


async def test_an_item_says_its_store_and_is_found_in_it_only(node, held, token):
    items = (await node.port.list_quarantine(held, QuarantineQuery(sort="name", descending=False))).items
    assert [item.store for item in items] == ["shared", "user", "user", "shared"]
    assert await node.port.get_quarantined(held, items[0].id) == items[0]
    with pytest.raises(NotFoundError):
        await node.port.get_quarantined(token("mine"), items[0].id)


async def test_what_a_former_release_put_aside_keeps_its_sender_and_its_words(settings):
    name = schema_of(settings)
    engine = db.create_engine(settings, name)
    try:
        await db.upgrade(engine, SCRIPTS, name, "0001")
        schema = f"{name}." if engine.dialect.name == "postgresql" else ""
        async with engine.begin() as connection:
            await connection.execute(text(f"INSERT INTO {schema}stores (id, kind) VALUES ('mine', 'user')"))
            for number, source in enumerate(("C-STORE OLD SENDER", "upload")):
                await connection.execute(
                    text(
                        f"INSERT INTO {schema}quarantine (id, store_id, received, source, name, size, digest, reason) VALUES "
                        f"('{number}', 'mine', '2026-01-0{number + 1}', '{source}', '', 1, '', 'words')"
                    )
                )
    finally:
        await engine.dispose()
    async with open_index(settings, migrate=True) as engine, db.read_only(engine).connect() as connection:
        page = await quarantine.page(connection, ["mine"], QuarantineQuery(descending=False))
    assert [(item.source, item.ae_title, item.address) for item in page.items] == [
        ("C-STORE", "OLD SENDER", ""),
        ("upload", "", ""),
    ]
    assert {(item.reason, item.why) for item in page.items} == {("words", None)}
