"""Errors that the pages explain in their own words: each has a code of its own."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from webviewer.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PeerUnavailableError,
)


class WrongCredentialsError(NotAuthenticatedError):
    """No such account, or not its password: which of the two is never told."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("wrong user name or password")


class InactiveUserError(ForbiddenError):
    """The password is right and access is switched off."""

    code = "inactive"

    def __init__(self) -> None:
        super().__init__("access is switched off, ask the administrator")


class SignOnUnavailableError(PeerUnavailableError):
    """The provider of single sign-on does not answer, or not as one."""

    code = "sign_on_unavailable"


class SignOnRefusedError(ForbiddenError):
    """The provider refuses, or what it says cannot be believed."""

    code = "sign_on_refused"


class SignOnExpiredError(ForbiddenError):
    """The answer of the provider belongs to no log-in that was begun in this browser a moment ago."""

    code = "sign_on_expired"

    def __init__(self) -> None:
        super().__init__("this log-in was not begun here or took too long: begin again")


class UnknownGroupError(ForbiddenError):
    """The provider knows the person, and none of his groups has a role here."""

    code = "unknown_group"

    def __init__(self) -> None:
        super().__init__("none of this account's groups has a role here: ask the administrator")


class SignOnPasswordError(ForbiddenError):
    """A person of the provider wants to change a password that is kept there."""

    code = "sign_on_password"

    def __init__(self) -> None:
        super().__init__("this account's password is kept by the provider of single sign-on: change it there")


class CsrfError(ForbiddenError):
    """The call does not prove that a page of this session makes it."""

    code = "csrf"

    def __init__(self) -> None:
        super().__init__("send the session's csrf value in the header X-CSRF-Token")


class LoginFormatError(InvalidRequestError):
    """A login breaks the rule."""

    code = "login_format"

    def __init__(self) -> None:
        super().__init__("login: a letter first; Latin letters, digits and _ only; at most 32")


class LoginTakenError(ConflictError):
    """Another user has this login."""

    code = "login_taken"

    def __init__(self) -> None:
        super().__init__("this login exists already")


class AeTitleFormatError(InvalidRequestError):
    """An AE title breaks the rule."""

    code = "ae_title_format"

    def __init__(self) -> None:
        super().__init__("ae_title: Latin letters, digits, - and _ only; at most 16")


class AeTitleTakenError(ConflictError):
    """Another user, or the node itself, has this AE title."""

    code = "ae_title_taken"

    def __init__(self) -> None:
        super().__init__("this AE title is in use already")


class PasswordEmptyError(InvalidRequestError):
    """A new password is empty."""

    code = "password_empty"

    def __init__(self) -> None:
        super().__init__("the password must not be empty")


class StorageNodeError(InvalidRequestError):
    """A user cannot be put on this node."""

    code = "storage_node"

    def __init__(self) -> None:
        super().__init__("storage_node: the ID of an active storage node that has registered")


class NodeAddressError(InvalidRequestError):
    """A node's address has another form."""

    code = "node_address"

    def __init__(self) -> None:
        super().__init__("address: write it as http://<IP>:<port>")


class NodeOfflineError(ConflictError):
    """What was asked for needs a node that answers. The message is the cause."""

    code = "node_offline"


class InUseError(ConflictError):
    """It cannot be taken away while something needs it. The message says what."""

    code = "in_use"


class HasStudiesError(InUseError):
    """A user moves to another storage node only without studies: they would stay behind."""

    code = "has_studies"


class OldPasswordError(InvalidRequestError):
    """The old password is wrong."""

    code = "old_password"

    def __init__(self) -> None:
        super().__init__("the old password is wrong")


class LicenceRefusalError(ConflictError):
    """Nobody gets in this way, because of the licence; other accounts may."""

    code = "licence_refusal"


class NoSeatError(LicenceRefusalError):
    """All connections of the licence are in use."""

    code = "no_seat"
    retry_after: ClassVar[float] = 15.0

    def __init__(self) -> None:
        super().__init__("all connections are in use: try again when somebody logs out")


class LicenceMissingError(LicenceRefusalError):
    """Licensing is enforced and nothing was activated yet."""

    code = "licence_missing"

    def __init__(self) -> None:
        super().__init__("no licence is active: ask the administrator")


class LicenceKeyMissingError(LicenceRefusalError):
    """Only users with a personal key get in, and this one has none."""

    code = "licence_key_missing"

    def __init__(self) -> None:
        super().__init__("this account has no licence key: ask the administrator")


class LicenceExpiredError(LicenceRefusalError):
    """The licence has ended."""

    code = "licence_expired"

    def __init__(self, ends: dt.datetime) -> None:
        super().__init__(f"the licence ended on {ends:%Y-%m-%d}: ask the administrator")
        self.ends = ends

    @property
    def values(self) -> dict[str, str]:
        """The moment of the end."""
        return {"date": self.ends.isoformat()}


class ClockSetBackError(LicenceRefusalError):
    """The server's clock is behind a time that it has shown before, and the licence has an end."""

    code = "clock_set_back"

    def __init__(self) -> None:
        super().__init__("the server's clock was set back: the administrator has to set it right")


class LicenceProductError(InvalidRequestError):
    """A licence is for another installation."""

    code = "licence_bad"

    def __init__(self) -> None:
        super().__init__("the key is not for this product code")


class LicenceUsedError(ConflictError):
    """A licence was activated before; a deleted one too cannot be used again."""

    code = "licence_used"

    def __init__(self) -> None:
        super().__init__("this key was used before")


class LicencePlaceError(InvalidRequestError):
    """A personal key was entered for the server, or a licence of the server for a user."""

    code = "licence_place"

    def __init__(self) -> None:
        super().__init__("personal keys are activated at their user, all others on the page Server settings")


class LicenceNotPersonalError(ConflictError):
    """The type of the licence knows no personal keys."""

    code = "licence_not_personal"

    def __init__(self) -> None:
        super().__init__("the licence of this server has no personal keys")


class TrialUsedError(ConflictError):
    """There is one trial per product code."""

    code = "trial_used"

    def __init__(self) -> None:
        super().__init__("the trial was already used for this product code")


class TrialUnsupportedError(ConflictError):
    """The trial is for one process on SQLite, and for who has no licence."""

    code = "trial_unsupported"

    def __init__(self) -> None:
        super().__init__("the trial is for a server in one process on SQLite that has no other licence")


class LicensingOffError(ConflictError):
    """There is nothing to activate."""

    code = "licensing_off"

    def __init__(self) -> None:
        super().__init__("licensing is off: set licensing to enforced first")


class LinksUsedUpError(ConflictError):
    """The licence has no free signature of a link."""

    code = "links_used_up"

    def __init__(self) -> None:
        super().__init__("all links of the licence are used, or it has none")


class LinkInvalidError(NotFoundError):
    """A link opens nothing. Why is never told: it would tell what there is."""

    code = "link_invalid"

    def __init__(self) -> None:
        super().__init__("this link does not work: ask the person who sent it for a new one")


class LinkPasswordError(ForbiddenError):
    """The link is right and asks for its password."""

    code = "link_password"

    def __init__(self, *, wrong: bool) -> None:
        super().__init__("the password of this link is wrong" if wrong else "this link asks for a password")
        self.wrong = wrong

    @property
    def values(self) -> dict[str, str]:
        """Whether a password was given."""
        return {"wrong": "true" if self.wrong else "false"}


class AmbiguousStudyError(ConflictError):
    """An accession number belongs to several studies."""

    code = "ambiguous_study"

    def __init__(self) -> None:
        super().__init__("several studies have this accession number: name one by its studyUid")


class KeyRestrictedError(ForbiddenError):
    """An API key does not allow what was asked. The message says what."""

    code = "key_restricted"


class KeyUserError(InvalidRequestError):
    """An API key is to act for a user who does not exist."""

    code = "key_user"

    def __init__(self) -> None:
        super().__init__("user: the login of a user, or nothing for the administrator")
