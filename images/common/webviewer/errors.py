"""Domain exceptions. They know nothing of HTTP; :mod:`webviewer.web.errors` maps them to statuses."""

from __future__ import annotations

from typing import ClassVar

from webviewer.reasons import Reason


class WebViewerError(Exception):
    """Base of every error a caller may be told about.

    ``code`` is a stable key that clients translate; the message is English, says what to do
    and carries no patient data.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def values(self) -> dict[str, str]:
        """What a translation of the message needs, by name."""
        return {}


class InvalidRequestError(WebViewerError, ValueError):
    """The caller sent something that cannot be right."""

    code = "invalid"


class NotAuthenticatedError(WebViewerError):
    """Nobody is known for this call; log in or present a valid grant."""

    code = "not_authenticated"


class ForbiddenError(WebViewerError, PermissionError):
    """The caller is known and has no right to this."""

    code = "forbidden"


class NotFoundError(WebViewerError, LookupError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "not_found"


class ConflictError(WebViewerError):
    """The state of the thing does not allow this; reload and decide again."""

    code = "conflict"


class TooLargeError(WebViewerError):
    """A stated limit was exceeded."""

    code = "too_large"


class ThrottledError(WebViewerError):
    """Too many attempts; ``retry_after`` is in seconds."""

    code = "throttled"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NodeFullError(WebViewerError):
    """The render node has no free slot."""

    code = "node_full"


class DrainingError(WebViewerError):
    """The node is about to stop and takes no new work."""

    code = "draining"


class PeerUnavailableError(WebViewerError, ConnectionError):
    """Another part of the system does not answer."""

    code = "peer_unavailable"


class StorageFullError(WebViewerError, OSError):
    """The volume has no room for what was sent."""

    code = "storage_full"

    def __init__(self, message: str) -> None:
        WebViewerError.__init__(self, message)


class ReasonedError(WebViewerError, ValueError):
    """Something is wrong with an object. ``why`` is the reason for the user; None where only a text is known."""

    def __init__(self, message: str | Reason) -> None:
        super().__init__(message.text if isinstance(message, Reason) else message)
        self.why = message if isinstance(message, Reason) else None


class DamagedObjectError(ReasonedError):
    """A DICOM object cannot be read; the message is the reason shown to the user."""

    code = "damaged"


class UnsupportedImageError(ReasonedError):
    """An image is stored but cannot be shown; the message says why."""

    code = "unsupported_image"


class NotAVolumeError(UnsupportedImageError):
    """The images of a series cannot be a volume; ``cause`` is a ``VolumeProblemCode``, ``images`` how many are to blame."""

    code = "not_a_volume"

    def __init__(self, cause: str, images: int = 0) -> None:
        super().__init__(f"the series cannot be a volume: {cause}")
        self.cause = cause
        self.images = images

    @property
    def values(self) -> dict[str, str]:
        """What a translation of the message needs, by name."""
        return {"cause": self.cause, "images": str(self.images)}


class SchemaOutdatedError(WebViewerError, RuntimeError):
    """The database schema is older (or newer) than this release needs."""

    code = "schema_outdated"
