"""One C-STORE in a receiver process: from the request to the status of the response."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer.errors import DamagedObjectError, StorageFullError
from webviewer.reasons import Reason, Why
from webviewer_storage.blobs.folder import BlobFolder, IncomingFile, Received
from webviewer_storage.dimse.command import Command, file_meta
from webviewer_storage.dimse.link import Link
from webviewer_storage.ingest.facts import ObjectFacts, Receipt
from webviewer_storage.ingest.reader import UID, MediaDirectoryError, NotDicomError, read_facts

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
CONFLICT = 0xC001
_OF_OUTCOME = {
    "stored": SUCCESS,
    "duplicate": SUCCESS,
    "conflict": CONFLICT,
    "quarantined": CANNOT_UNDERSTAND,
    "rejected": PROCESSING_FAILURE,
}


@dataclass(frozen=True, slots=True)
class ReceptionContext:
    """What all receptions of an association share."""

    blobs: BlobFolder
    link: Link
    owner: str
    store: str
    ae_title: str
    """Of the sender; likewise ``address``."""
    address: str
    max_bytes: int


class Reception:
    """Takes the fragments of one data set; :meth:`finish` returns (status, comment).

    Where the object cannot be kept the fragments are read and dropped, so that the peer learns the
    reason by a status instead of a broken connection.
    """

    def __init__(self, context: ReceptionContext, command: Command, transfer_syntax: str) -> None:
        self._context = context
        self._command = command
        self._refused: tuple[int, str] | None = None
        self._file: IncomingFile | None = None
        self._received = 0
        try:
            context.blobs.check_room()
            self._file = IncomingFile(context.blobs, context.owner)
            self._file.write(file_meta(command, transfer_syntax))
        except StorageFullError:
            self._refuse_full()

    def write(self, data: memoryview) -> None:
        """Append a fragment."""
        self._received += len(data)
        if self._received > self._context.max_bytes and self._refused is None:
            self.discard()
            self._refused = (OUT_OF_RESOURCES, "The object is larger than this node takes")
        if self._file is not None:
            try:
                self._file.write(data)
            except StorageFullError:
                self._refuse_full()

    def discard(self) -> None:
        """Forget what came: the peer went away."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    def finish(self) -> tuple[int, str]:
        """Make the object durable and indexed; only then the status is success."""
        if self._refused is not None or self._file is None:
            return self._refused or (OUT_OF_RESOURCES, "Storage is full")
        try:
            received = self._file.finish()
        except StorageFullError:
            self.discard()
            return OUT_OF_RESOURCES, "Storage is full"
        facts, why, status = self._examine(received)
        receipt = Receipt(
            store=self._context.store,
            file=received.name,
            digest=received.digest,
            size=received.size,
            source="C-STORE",
            ae_title=self._context.ae_title,
            address=self._context.address,
            name=self._command.sop_instance if UID.fullmatch(self._command.sop_instance) else "",
            facts=facts,
            why=why,
        )
        answer = self._context.link.ask("store", receipt=receipt.model_dump(mode="json"))
        outcome = str(answer["status"])
        if outcome == "full":
            return OUT_OF_RESOURCES, "Storage is full"
        return status or _OF_OUTCOME.get(outcome, PROCESSING_FAILURE), str(answer["reason"])

    def _examine(self, received: Received) -> tuple[ObjectFacts | None, Reason | None, int]:
        """Return facts, or the reason for the quarantine and the status that names it."""
        try:
            facts = read_facts(self._context.blobs.incoming / received.name)
        except DamagedObjectError as error:
            return None, error.why or Why.HEADER_DAMAGED(), CANNOT_UNDERSTAND
        except MediaDirectoryError:
            return None, Why.MEDIA_DIRECTORY(), CANNOT_UNDERSTAND
        except NotDicomError:
            return None, Why.NO_DICOM_DATA(), CANNOT_UNDERSTAND
        command = self._command
        if not UID.fullmatch(command.sop_instance) or facts.sop_uid != command.sop_instance:
            return None, Why.ANNOUNCED_INSTANCE(), DOES_NOT_MATCH
        if facts.sop_class != command.sop_class:
            return None, Why.ANNOUNCED_CLASS(), DOES_NOT_MATCH
        return facts, None, SUCCESS

    def _refuse_full(self) -> None:
        self.discard()
        self._refused = (OUT_OF_RESOURCES, "Storage is full")
