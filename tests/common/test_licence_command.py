"""``webviewer license``, as a process."""

import subprocess
import sys

import pytest

from webviewer import cli
from webviewer.domain.licence import new_product_code
from webviewer.wire.licences import LicenceReader, Vendor

CODE = new_product_code()


def run(*arguments, **options):
    command = [sys.executable, "-m", "webviewer", "license", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    file = tmp_path_factory.mktemp("vendor") / "vendor.key"
    made = run("keygen", f"{file}")
    assert made.returncode == 0, made.stderr
    return file, made.stdout.strip()


@pytest.mark.contract("E05", "E10", "E12")
def test_what_keygen_and_issue_make_is_read_with_the_printed_key(vendor, tmp_path):
    file, public = vendor
    assert file.stat().st_mode & 0o777 == 0o600
    assert public == Vendor.load(file).public_key
    out = tmp_path / "clinic.licence"
    fields = ("--concurrents", "5", "--link-connections", "2", "--links", "100", "--policy", "links-use-users")
    code = CODE.lower().replace("-", " ")
    issued = run(
        "issue",
        "--key",
        f"{file}",
        "--product",
        code,
        "--type",
        "unified",
        *fields,
        "--ends",
        "2999-12-31",
        "--out",
        f"{out}",
    )
    assert (issued.returncode, issued.stdout.strip()) == (0, f"{out}"), issued.stderr
    read = LicenceReader([public]).read(out.read_text())
    assert (read.product, read.type, read.policy, read.ends.year) == (CODE, "unified", "links-use-users", 2999)
    assert (read.concurrents, read.link_connections, read.links) == (5, 2, 100)
    shown = run("inspect", f"{out}", "--public-key", public)
    assert shown.returncode == 0
    for line in (
        f"product code: {CODE}",
        "type: unified",
        "concurrents: 5",
        "number of links: 100",
        "signed by a given key",
    ):
        assert line in shown.stdout.splitlines()
    assert all(f"# {line}" in out.read_text().splitlines() for line in shown.stdout.splitlines()[:-1])


@pytest.mark.contract("E08")
def test_personal_keys_are_issued_by_the_dozen_and_all_differ(vendor, tmp_path):
    file, public = vendor
    common = ("issue", "--key", f"{file}", "--product", CODE, "--type", "personal", "--count", "3")
    printed = run(*common).stdout.split()
    written = run(*common, "--out", f"{tmp_path / 'key.txt'}").stdout.split()
    assert [path.rpartition("/")[2] for path in written] == ["key-1.txt", "key-2.txt", "key-3.txt"]
    reader = LicenceReader([public])
    keys = [reader.read(text) for text in [*printed, *((tmp_path / f"key-{n}.txt").read_text() for n in (1, 2, 3))]]
    assert len({key.id for key in keys}) == 6
    assert {key.type for key in keys} == {"personal"}
    shown = run("inspect", "-", input=printed[0])
    assert "NOT CHECKED" in shown.stdout
    assert "ends: never" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["keygen", "{key}"], "exists already"),
        (["keygen", "{folder}/no/key"], "cannot write"),
        (["issue", "--key", "{folder}/none", "--product", CODE, "--type", "personal"], "cannot read"),
        (["issue", "--key", "{key}", "--product", CODE[:-1], "--type", "personal"], "no product code"),
        (["issue", "--key", "{key}", "--product", CODE, "--type", "concurrent"], "needs concurrents"),
        (["issue", "--key", "{key}", "--product", CODE, "--type", "personal", "--links", "3"], "has no links"),
        (["issue", "--key", "{key}", "--product", CODE, "--type", "unified", "--concurrents", "-1"], "concurrents: "),
        (["issue", "--key", "{key}", "--product", CODE, "--type", "unified", "--ends", "soon"], "write a day"),
        (["issue", "--key", "{key}", "--product", CODE, "--type", "unified", "--ends", "2020-01-01"], "over already"),
        (["issue", "--key", "{key}", "--product", CODE, "--type", "unified", "--count", "2"], "for personal keys"),
        (["issue", "--key", "{key}", "--product", CODE, "--type", "unified", "--out", "{key}"], "cannot write"),
        (["inspect", "{key}"], "no licence key"),
        (["inspect", "{folder}"], "cannot read"),
        (["inspect", "{key}", "--public-key", "short"], "no public key"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(vendor, tmp_path, capsys, arguments, words):
    assert cli.main(["license", *(argument.format(key=vendor[0], folder=tmp_path) for argument in arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1
