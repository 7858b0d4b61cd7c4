"""What no program can show is in the manual, and the README leads there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        pytest.param("docs/installation.md#what-it-needs", "16 GB", marks=pytest.mark.contract("A10", "B11", "C12")),
        pytest.param("docs/installation.md#windows-services", "sc create", marks=pytest.mark.contract("B10")),
        pytest.param("docs/installation.md#reporting-a-fault", "--version", marks=pytest.mark.contract("A11")),
        pytest.param("docs/proxy/README.md#webviewer-behind-a-reverse-proxy", "TLS", marks=pytest.mark.contract("A03")),
    ],
)
def test_the_readme_leads_to_the_page(target, words):
    assert f"]({target})" in (ROOT / "README.md").read_text(encoding="utf-8")
    path, _, anchor = target.partition("#")
    assert anchor in anchors(ROOT / path)
    assert words in (ROOT / path).read_text(encoding="utf-8")
