"""Reads what browsers send: bounded, checked, and never trusted."""

from __future__ import annotations

from pydantic import ValidationError

from webviewer.domain.merging import describe
from webviewer.errors import InvalidRequestError, TooLargeError
from webviewer.web.endpoint import parse_json
from webviewer.wire.messages import MAX_MESSAGE_BYTES, ClientMessage, client_message


def read_message(text: str | None) -> ClientMessage:
    """Parse a message of the browser. Raises InvalidRequestError or TooLargeError."""
    if text is None:
        message = "browsers send text only"
        raise InvalidRequestError(message)
    if len(text) > MAX_MESSAGE_BYTES:
        message = f"a message may have at most {MAX_MESSAGE_BYTES} bytes"
        raise TooLargeError(message)
    value = parse_json(text)
    try:
        return client_message.validate_python(value)
    except ValidationError as error:
        raise InvalidRequestError(describe(error)) from error
