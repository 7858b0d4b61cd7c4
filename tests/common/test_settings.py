"""Settings: flags over environment over file over defaults."""

import pytest

from webviewer.errors import InvalidRequestError
from webviewer.settings import load


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / "webviewer.yaml"
    file.write_text("port: 1\nae_title: FROMFILE\nhost: 0.0.0.0\n")
    monkeypatch.setenv("WEBVIEWER_PORT", "2")
    monkeypatch.setenv("WEBVIEWER_AE_TITLE", "FROMENV")
    settings = load({"port": 3}, file)
    assert (settings.port, settings.ae_title, settings.host) == (3, "FROMENV", "0.0.0.0")
    assert settings.dicom_port == 11112


def test_json_is_read_too(tmp_path):
    file = tmp_path / "webviewer.json"
    file.write_text('{"dicom_port": 104}')
    assert load({}, file).dicom_port == 104


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prot: 1", "prot"),
        ("port: many", "port"),
        ("- 1", "mapping"),
        ("port: [", "cannot read"),
        ("a: " + "[" * 5000, "cannot read"),
        ("1: 2", "mapping"),
        ("session_idle: 0", "session_idle"),
        (None, "cannot read"),
    ],
)
def test_a_wrong_file_is_named_with_the_wrong_key(tmp_path, content, words):
    file = tmp_path / "webviewer.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidRequestError, match=words):
        load({}, file)


def test_a_wrong_variable_is_named_without_its_value(monkeypatch):
    monkeypatch.setenv("WEBVIEWER_ALLOWED_ORIGINS", "https://viewer.example")
    with pytest.raises(InvalidRequestError, match="allowed_origins") as error:
        load({})
    assert "viewer.example" not in error.value.message


@pytest.mark.contract("C05")
def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "webviewer.yaml"
    file.write_text("data: ~/data\nlog: ~/logs/webviewer.log\n")
    settings = load({"html": "~/html"}, file)
    assert (settings.data, settings.html) == (tmp_path / "data", tmp_path / "html")
    assert settings.log == tmp_path / "logs" / "webviewer.log"
    with pytest.raises(InvalidRequestError, match="no such home folder"):
        load({"data": "~nobody_of_this_name/data"})
