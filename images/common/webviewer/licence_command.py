"""``webviewer license``: the vendor's side of licences. Nothing here needs a server, a database or the network."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from webviewer.domain.licence import Licence, end_of, read_product_code
from webviewer.errors import InvalidRequestError
from webviewer.wire.licences import LicenceReader, Vendor, unchecked

_LABELS = {
    "id": "number",
    "product": "product code",
    "type": "type",
    "issued": "issued",
    "ends": "ends",
    "concurrents": "concurrents",
    "link_connections": "connections by link",
    "links": "number of links",
    "policy": "connection use policy",
}


def keygen(options: dict[str, Any]) -> int:
    """Make a key pair: the private key goes into the file, the public one is printed."""
    vendor = Vendor.generate()
    vendor.save(options["file"])
    print(vendor.public_key)  # noqa: T201
    print(  # noqa: T201
        f"The private key is in {options['file']}: keep it secret and in the backup. Installations get the line above:\n"
        f"  WEBVIEWER_LICENSING=enforced WEBVIEWER_LICENCE_KEYS='[\"{vendor.public_key}\"]'",
        file=sys.stderr,
    )
    return 0


def issue(options: dict[str, Any]) -> int:
    """Sign licences and print them, or write them to files."""
    vendor = Vendor.load(options["key"])
    count, out = options.get("count", 1), options.get("out")
    if count > 1 and options["type"] != "personal":
        text = "--count is for personal keys: an installation has one other licence at a time"
        raise InvalidRequestError(text)
    for index in range(count):
        licence = _licence(options)
        text = vendor.sign(licence)
        if out is None:
            print(text)  # noqa: T201
        else:
            path = out if count == 1 else out.with_name(f"{out.stem}-{index + 1}{out.suffix}")
            _write(path, "".join(f"# {line}\n" for line in describe(licence)) + text + "\n")
            print(path)  # noqa: T201
    return 0


def inspect(options: dict[str, Any]) -> int:
    """Say what a licence holds, and whether one of the given vendors has signed it."""
    text = _read(options["file"])
    keys = options.get("public_key", [])
    try:
        licence = LicenceReader(keys).read(text) if keys else unchecked(text)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error
    print("\n".join(describe(licence)))  # noqa: T201
    print("signed by a given key" if keys else "NOT CHECKED: give --public-key to know who has signed it")  # noqa: T201
    return 0


def describe(licence: Licence) -> list[str]:
    """Return a line for each field that the licence has."""
    values = licence.model_dump(mode="json", exclude_defaults=True) | {"ends": "never"}
    if licence.ends:
        values["ends"] = licence.ends.isoformat()
    if licence.type == "unified":
        values |= licence.model_dump(include={"concurrents", "link_connections", "links", "policy"})
    return [f"{label}: {values[name]}" for name, label in _LABELS.items() if name in values]


def _licence(options: dict[str, Any]) -> Licence:
    names = ("type", "concurrents", "link_connections", "links", "policy")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    ends = end_of(options["ends"]) if "ends" in options else None
    if ends and ends <= now:
        text = f"--ends {options['ends']} is over already"
        raise InvalidRequestError(text)
    fields = {name: options[name] for name in names if name in options}
    try:
        return Licence(
            id=secrets.token_hex(16), product=read_product_code(options["product"]), issued=now, ends=ends, **fields
        )
    except ValidationError as error:
        lines = [
            ": ".join([*map(str, item["loc"]), item["msg"].removeprefix("Value error, ")]) for item in error.errors()
        ]
        raise InvalidRequestError("; ".join(lines)) from error


def _read(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        text = f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is no text'}"
        raise InvalidRequestError(text) from error


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise InvalidRequestError(message) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
