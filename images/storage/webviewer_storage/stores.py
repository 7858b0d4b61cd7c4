"""The stores of the node and where a called AE title leads."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from webviewer.domain.identity import Store
from webviewer.errors import ConflictError, InvalidRequestError
from webviewer_storage.index import deletion
from webviewer_storage.index.models import StoreRow, StudyRow
from webviewer_storage.index.reader import all_stores
from webviewer_storage.library import Library
from webviewer_storage.uploads.ledger import STORE


class Stores:
    """All stores, in memory as in the index. ``shared`` is the node's own."""

    def __init__(self, library: Library, ae_title: str) -> None:
        self._library = library
        self._ae_title = ae_title.strip()
        self._stores: dict[str, Store] = {}
        self.shared = Store(id="", kind="shared")

    async def load(self) -> None:
        """Read the stores, making the shared one on the first start."""
        async with self._library.read() as connection:
            self._stores = {store.id: store for store in await all_stores(connection)}
        found = next((store for store in self._stores.values() if store.kind == "shared"), None)
        if found is None:
            found = Store(id=uuid.uuid4().hex, kind="shared")
            await self._write(found)
        self.shared = found

    def exists(self, store: str) -> bool:
        """Whether there is such a store."""
        return store in self._stores

    def route(self, called: str) -> str | None:
        """Return the id of the store that objects for this called AE title go to, or None."""
        called = called.strip()
        if called == self._ae_title:
            return self.shared.id
        return next((store.id for store in self._stores.values() if store.ae_title == called), None)

    async def put(self, store: Store) -> None:
        """Create or change a store. Raises InvalidRequestError or ConflictError."""
        if not STORE.fullmatch(store.id):
            text = "the id of a store has 1 to 64 letters, digits, dashes and underscores"
            raise InvalidRequestError(text)
        known = self._stores.get(store.id)
        if (store.kind == "shared" or (known and known.kind == "shared")) and store.id != self.shared.id:
            text = "a node has one shared store"
            raise ConflictError(text)
        if known and known.kind != store.kind:
            text = "the kind of a store does not change"
            raise ConflictError(text)
        if store.ae_title is not None and store.ae_title.strip() == self._ae_title:
            text = "the AE title is the node's own"
            raise ConflictError(text)
        await self._write(store)

    async def delete(self, store: str) -> None:
        """Delete a store with all that is in it. Raises NotFoundError or ConflictError."""
        if store == self.shared.id:
            text = "the shared store stays as long as the node"
            raise ConflictError(text)
        async with self._library.change() as connection:
            await deletion.delete_store(connection, store)
            self._stores.pop(store, None)

    async def sizes(self, stores: Sequence[str]) -> Mapping[str, int]:
        """Return the bytes of the images in stores."""
        found = select(StudyRow.store_id, func.sum(StudyRow.size)).where(StudyRow.store_id.in_(stores))
        async with self._library.read() as connection:
            rows = (await connection.execute(found.group_by(StudyRow.store_id))).all()
        return dict.fromkeys(stores, 0) | {store: int(size) for store, size in rows}

    async def _write(self, store: Store) -> None:
        values = {"kind": store.kind, "owner": store.owner, "ae_title": store.ae_title}
        try:
            async with self._library.change() as connection:
                if store.id in self._stores:
                    await connection.execute(update(StoreRow).where(StoreRow.id == store.id).values(values))
                else:
                    await connection.execute(insert(StoreRow).values(id=store.id, **values))
        except IntegrityError as error:
            text = "another store of this node has the AE title"
            raise ConflictError(text) from error
        self._stores[store.id] = store
        if store.kind == "shared":
            self.shared = store
