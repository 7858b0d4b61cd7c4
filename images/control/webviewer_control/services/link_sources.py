"""Where the study is that other programs and addresses name by its DICOM numbers."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer.domain.study import StudyQuery, StudySummary
from webviewer.errors import NotFoundError
from webviewer_control.errors import AmbiguousStudyError
from webviewer_control.services.link_cells import StudyCells
from webviewer_control.services.links import Source
from webviewer_control.services.storages import StorageNode
from webviewer_control.services.stores import Stores
from webviewer_control.store.models import UserRow

_ACCESSION_LENGTH = 16
_MANY = 200


@dataclass(frozen=True, slots=True)
class StudyName:
    """DICOM numbers; the study UID wins over the accession number, and a series counts only with it."""

    study_uid: str = ""
    accession_number: str = ""
    series_uid: str = ""


async def find_source(stores: Stores, user: UserRow, name: StudyName) -> Source:
    """Find a study among what a user may read: his store, and the shared one of his node.

    The same study in both is taken of his own. Raises NotFoundError, AmbiguousStudyError for an accession number of several
    studies, and PeerUnavailableError.
    """
    node = await stores.node_of(user.storage_node)
    found = [
        (store, study)
        for store in (user.store, await stores.shared(node))
        for study in await _matches(stores, node, store, name)
    ]
    if not found:
        text = "this storage has no such study"
        raise NotFoundError(text)
    if len({study.uid for _, study in found}) > 1:
        raise AmbiguousStudyError
    store, study = found[0]
    series = await _series(stores, node, store, study, name)
    return Source(node.key, store, study.id, series, StudyCells.of(study))


async def _matches(stores: Stores, node: StorageNode, store: str, name: StudyName) -> list[StudySummary]:
    if name.study_uid:
        page = await stores.search(node, store, StudyQuery(uid=name.study_uid, limit=1))
        return [study for study in page.studies if study.uid == name.study_uid]
    if not name.accession_number:
        return []
    # The list finds what begins like this; in this order the number itself comes before longer ones.
    query = StudyQuery(acc=name.accession_number[:_ACCESSION_LENGTH], sort="acc", descending=False, limit=_MANY)
    page = await stores.search(node, store, query)
    return [study for study in page.studies if study.acc == name.accession_number]


async def _series(stores: Stores, node: StorageNode, store: str, study: StudySummary, name: StudyName) -> str | None:
    """Return the opaque id of the series that is named. Raises NotFoundError."""
    if not (name.study_uid and name.series_uid):
        return None
    detail = await stores.look(node, store, study.id)
    found = next((series.id for series in detail.series if series.uid == name.series_uid), None)
    if found is None:
        text = "no such series in this study"
        raise NotFoundError(text)
    return found
