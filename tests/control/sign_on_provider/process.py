"""Runs the provider of provider.js."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx2

HERE = Path(__file__).parent
PROGRAMS = Path(__file__).parents[3] / ".cache" / "tools" / "sign-on"
CLIENT = {"oidc_client_id": "webviewer", "oidc_client_secret": "secret-of-the-client"}
NODE = Path(sys.executable).parent / "node"
SECONDS = 30


@contextlib.contextmanager
def provider(people: dict[str, dict], start: str) -> Iterator[str]:
    """Run the provider for a server whose start page has this address; yields the provider's own."""
    assert (PROGRAMS / "node_modules").is_dir(), "the provider of the tests is not installed: make setup"
    addresses = {"redirect_uris": [f"{start}v2/sign-on/callback"], "post_logout_redirect_uris": [f"{start}login"]}
    program = PROGRAMS / "provider.js"  # beside the packages that it imports
    shutil.copy(HERE / "provider.js", program)
    process = subprocess.Popen(
        [NODE, program, json.dumps(people), json.dumps(addresses)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = next(match for line in process.stdout if (match := re.match(r"listening on (\S+)", line)))
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def log_in(address: str, person: str, start: str, *, abort: bool = False) -> str:
    """Be the person who logs in at the provider; returns the address that the provider leads back to."""
    with httpx2.Client(timeout=SECONDS) as browser:
        answer = browser.get(address)
        while True:
            if answer.is_redirect:
                address = urljoin(str(answer.url), answer.headers["location"])
                if address.startswith(start):
                    return address
                answer = browser.get(address)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert form is not None, answer.text
            assert prompt is not None, answer.text
            page = urljoin(str(answer.url), form[1])
            if abort:
                answer = browser.get(f"{page}/abort")
            else:
                answer = browser.post(page, data={"prompt": prompt[1], "login": person, "password": "any"})
