"""Errors that the pages explain in their own words: each has a code of its own."""

from __future__ import annotations

from webviewer.errors import ConflictError, ForbiddenError, InvalidRequestError, NotAuthenticatedError


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


class OldPasswordError(InvalidRequestError):
    """The old password is wrong."""

    code = "old_password"

    def __init__(self) -> None:
        super().__init__("the old password is wrong")
