"""The study list over two stores: one order, pages that fit together, and no sorting of what an index has in order."""

import re
from itertools import product
from typing import get_args

import pytest
from sqlalchemy import text

from webviewer.domain.identity import Store
from webviewer.domain.study import StudyQuery, StudySort
from webviewer.testing.storage_port import upload
from webviewer_storage.index.database import open_index
from webviewer_storage.index.scope import Scope
from webviewer_storage.index.search import sorted_ids

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
INDEXED = ("date", "name", "pid", "acc", "recv")


@pytest.fixture
async def both(node, store, token, make_object):
    """Eleven studies in two stores, in no order; some are equal in every key. Returns a token for the two stores."""
    await node.port.put_store(token(), Store(id="other", kind="user"))
    for number in range(11):
        values = {
            "PatientName": f"N{number * 7 % 4}",
            "PatientID": f"P{number * 5 % 3}",
            "AccessionNumber": f"A{number * 3 % 5}",
            "StudyDate": f"2026010{number % 3 + 1}",
            "Modality": ("CT", "MR")[number % 2],
        }
        mine = token(("mine", "other")[number * 3 % 4 > 1])
        assert (await upload(node.port, mine, make_object(1, study=number, **values))).outcomes[0].status == "stored"
    return token("mine", "other")


async def test_pages_of_two_stores_fit_together_in_every_order(node, both, token):
    for sort, descending in product(get_args(StudySort), (False, True)):
        query = StudyQuery(sort=sort, descending=descending, limit=3)
        whole = [
            study.id
            for study in (await node.port.list_studies(both, StudyQuery(**dict(query) | {"limit": 200}))).studies
        ]
        assert len(set(whole)) == 11
        pages = []
        for offset in (0, 3, 6, 9, 12):
            page = await node.port.list_studies(both, query.model_copy(update={"offset": offset}))
            assert (page.total, page.offset) == (11, offset)
            pages.append([study.id for study in page.studies])
        assert [len(page) for page in pages] == [3, 3, 3, 2, 0]
        assert [study for page in pages for study in page] == whole, (sort, descending)
        for one in ("mine", "other"):
            alone = await node.port.list_studies(token(one), StudyQuery(**dict(query) | {"limit": 200}))
            ids = [study.id for study in alone.studies]
            assert ids == [study for study in whole if study in set(ids)], (sort, descending, one)


async def test_the_order_over_two_stores_is_that_of_the_keys(node, both):
    for sort in ("name", "pid", "acc", "date", "recv"):
        for descending in (False, True):
            page = await node.port.list_studies(both, StudyQuery(sort=sort, descending=descending))
            values = [(getattr(study, sort), study.id) for study in page.studies]
            assert values == sorted(values, reverse=descending), sort


async def test_a_filter_holds_in_each_store(node, both):
    page = await node.port.list_studies(both, StudyQuery(modality="MR", name="n", limit=2, offset=2))
    assert page.total == 5
    assert {study.mod for study in page.studies} == {("MR",)}


async def test_no_store_has_no_studies(node, token):
    assert await node.port.list_studies(token(), StudyQuery()) == await node.port.list_studies(
        token("nobody"), StudyQuery()
    )


async def test_an_indexed_order_over_two_stores_is_merged_and_never_sorted(settings):
    async with open_index(settings, migrate=True) as engine, engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN"
        if engine.dialect.name == "postgresql":
            explain = "EXPLAIN"
            # A table without rows is read from end to end; this one will not stay empty.
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            await connection.execute(text("SET LOCAL enable_bitmapscan = off"))
            await connection.execute(text("SET LOCAL enable_sort = off"))
            await connection.execute(text("SET LOCAL search_path TO storage"))
        for sort, descending in product(INDEXED, (False, True)):
            statement = sorted_ids(Scope(("a", "b")), StudyQuery(sort=sort), descending=descending).limit(20)
            compiled = statement.compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
            lines = [str(row[-1]) for row in await connection.execute(text(f"{explain} {compiled}"))]
            plan = "\n".join(lines)
            assert re.search(r"MERGE \(UNION ALL\)|Merge Append", plan), plan
            assert not re.search(r"TEMP B-TREE|\bSort\b(?! Key)", plan), plan
            assert len(re.findall(r"ix_studies_store_id_\w+_id", plan)) == 2, plan
