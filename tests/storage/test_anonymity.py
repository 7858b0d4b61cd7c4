"""What an anonymised session is told of real studies: nothing that names anybody."""

import contextlib
import re
import sqlite3

import pytest

from webviewer.codecs.header import read_header
from webviewer.domain.identity import Action, Grant
from webviewer.domain.study import StudyQuery
from webviewer.sample.duplex import DuplexImage
from webviewer.sample.series import PhantomSeries

# Attributes that Table E.1-1 of PS3.15 removes or replaces and that the full answers are made of; FrameOfReferenceUID is
# what makes coordinates comparable.
IDENTIFYING = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientAge", "OtherPatientIDs", "AccessionNumber",
    "StudyID", "StudyDescription", "SeriesDescription", "ProtocolName", "ReferringPhysicianName", "InstitutionName",
    "PerformingPhysicianName", "OperatorsName", "StationName", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate",
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "ContrastBolusAgent",
    "Radiopharmaceutical", "WindowCenterWidthExplanation", "LUTExplanation", "ImageComments", "PatientComments",
)  # fmt: skip
KEPT = ("Modality", "BodyPartExamined", "PatientAge", "PatientPosition", "ViewPosition")
"""Codes that are told: an object that uses one as a description does not make it a secret."""

OURS = frozenset({"path", "digest", "kind", "store", "code", "problem"})
"""Places of our files, which go to render only, and words that are ours whatever the object says."""


def texts(value):
    """Yield every text of a JSON value, and numbers as they are written."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in OURS:
                yield from texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def identifying(dataset):
    """Return what must not be told: values with letters, or with so many digits that none is there by chance."""
    found = set()
    codes = " ".join(str(dataset.get(keyword, "")) for keyword in KEPT).lower()
    kept = {codes, *codes.split()}
    for keyword in IDENTIFYING:
        try:
            value = dataset.get(keyword)
        except Exception:  # noqa: BLE001 - a malformed value cannot be told either
            continue
        for part in value if isinstance(value, (list, tuple)) else [value]:
            text = str(part or "").strip()
            if text.lower() not in codes and (len(text) >= 5 or (len(text) >= 3 and re.search(r"[^\W\d]", text))):
                found.add(text)
                if keyword.endswith("Date") and len(text) == 8:
                    found.add(f"{text[:4]}-{text[4:6]}-{text[6:]}")
                if keyword.endswith("Name"):
                    found |= {
                        word for word in re.split(r"[\^= ]+", text) if len(word) >= 4 and word.lower() not in kept
                    }
    return found


def told(secret, text):
    return secret.lower() in text.lower() and re.search(
        rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", text, re.IGNORECASE
    )


@pytest.fixture
def signed(sign):
    def make(store, study=None, series=None, *, anonymised=True):
        actions = frozenset({Action.LIST, Action.PIXELS})
        grant = Grant(
            audience="storage", subject="u", session="s", actions=actions, stores=(store,), study=study, series=series,
            anonymised=anonymised,
        )  # fmt: skip
        return sign(grant, 600)

    return make


async def contents(node, token_of, store):
    """Yield every study with its series, as the owner sees them."""
    offset = 0
    owner = token_of(store, anonymised=False)
    while True:
        page = await node.port.list_studies(owner, StudyQuery(limit=200, offset=offset))
        for study in page.studies:
            yield await node.port.get_study(owner, study.id)
        offset += len(page.studies)
        if offset >= page.total:
            return


async def ingest_all(node, store, paths):
    """Store what can be stored; returns what must not be told, by the study."""
    secrets = {}
    for path in paths:
        outcome = await node.ingest_file(store, path, path.name)
        if outcome.status == "stored":
            with path.open("rb") as file:
                secrets.setdefault(outcome.study, set()).update(identifying(read_header(file).dataset))
    return secrets


@pytest.mark.real_data
@pytest.mark.contract("M03", "R09")
async def test_no_identifying_value_of_any_real_object_is_told(node, store, real_data, tmp_path, signed):
    phantom = PhantomSeries(rows=32, columns=32, slices=3, spacing=3.4, step=20.0, name="n", patient_id="P-77")
    for number, content in enumerate([DuplexImage().instance(), *phantom.instances()]):
        (tmp_path / f"made{number}").write_bytes(content)
    found = [*sorted(real_data.rglob("*")), *sorted(tmp_path.glob("made*"))]
    secrets = await ingest_all(node, store, [path for path in found if path.is_file()])
    assert len(secrets) > 50
    count = 0
    async for whole in contents(node, signed, store):
        study = whole.study.id
        hidden = secrets[study]
        detail = await node.port.get_study(signed(store, study), study)
        page = await node.port.list_studies(signed(store, study), StudyQuery())
        answers = [detail, page]
        for series in detail.series:
            manifest = await node.port.series_manifest(signed(store, study, series.id))
            assert manifest.version == series.version
            answers.append(manifest)
        for answer in answers:
            for text in texts(answer.model_dump(mode="json")):
                named = [secret for secret in hidden if told(secret, text)]
                assert not named, (type(answer).__name__, text)
                count += len(hidden)
        assert [series.id for series in detail.series] == [series.id for series in whole.series]
        assert (detail.study.uid, detail.study.name, detail.study.date, detail.study.recv) == ("", "", None, None)
    assert count > 10_000


async def test_searching_by_a_name_finds_nothing_and_the_order_tells_nothing(
    node, store, tmp_path, signed, make_object
):
    for number, name in enumerate(("Ada", "Zoe", "Mia"), start=1):
        path = tmp_path / str(number)
        path.write_bytes(make_object(1, study=number, PatientName=name, PatientID=name))
        await node.ingest_file(store, path, path.name)
    token = signed(store)
    for field in ("name", "pid", "acc", "desc", "ref"):
        assert (await node.port.list_studies(token, StudyQuery(**{field: "*"}))).total == 0
    orders = {
        tuple(study.id for study in (await node.port.list_studies(token, StudyQuery(sort=sort))).studies)
        for sort in ("name", "pid", "dob", "date", "acc", "desc", "ref", "inst", "recv")
    }
    assert len(orders) == 1
    assert (await node.port.list_studies(token, StudyQuery(modality="CT"))).total == 3


async def test_ages_over_89_are_not_told(node, store, tmp_path, signed, make_object):
    people = [("091Y", ""), ("089Y", ""), ("", "19300101"), ("011M", ""), ("Jane", "")]
    for number, (age, birth) in enumerate(people):
        path = tmp_path / str(number)
        path.write_bytes(make_object(1, study=number + 1, PatientAge=age, PatientBirthDate=birth))
        await node.ingest_file(store, path, path.name)
    page = await node.port.list_studies(signed(store), StudyQuery())
    assert sorted(study.age for study in page.studies) == ["", "", "", "011M", "089Y"]


@pytest.mark.contract("R09")
async def test_a_series_whose_pictures_may_show_names_says_so(node, store, tmp_path, signed, make_object):
    capture = "1.2.840.10008.5.1.4.1.1.7"
    objects = [
        make_object(1),
        make_object(1, series=2, SOPClassUID=capture, Modality="OT"),
        make_object(1, series=3, BurnedInAnnotation="YES"),
        make_object(2, series=3, BurnedInAnnotation="NO"),
    ]
    for number, content in enumerate(objects):
        (tmp_path / str(number)).write_bytes(content)
        await node.ingest_file(store, tmp_path / str(number), str(number))
    study = (await node.port.list_studies(signed(store), StudyQuery())).studies[0].id
    section, screen, mixed = (await node.port.get_study(signed(store, study), study)).series
    assert (section.problem, screen.why.code, mixed.problem) == ("", "may_show_names", "")
    assert "ask for a link that is not anonymised" in screen.problem
    pictures = {}
    for series in (section, screen, mixed):
        token = signed(store, study, series.id)
        manifest = await node.port.series_manifest(token)
        pictures[series.id] = [source.image is not None for source in manifest.instances]
        frames = [frame.instance async for frame in node.port.series_frames(token, 0)]
        assert frames == [index for index, there in enumerate(pictures[series.id]) if there]
    assert list(pictures.values()) == [[True], [False], [False, True]]
    whole = signed(store, study, screen.id, anonymised=False)
    assert (await node.port.series_manifest(whole)).instances[0].image.visible is None


async def test_what_a_former_release_did_not_read_is_read_again(node, store, settings, signed, make_object):
    for number, stated in enumerate(("YES", "NO", None), start=1):
        path = settings.data.parent / str(number)
        attributes = {"BurnedInAnnotation": stated} if stated else {}
        path.write_bytes(make_object(number, **attributes))
        await node.ingest_file(store, path, path.name)
    with contextlib.closing(sqlite3.connect(next(settings.data.glob("*.db")))) as index, index:
        for stated in ("yes", "no", "unstated"):
            index.execute("UPDATE instances SET image = replace(image, ?, '')", (f',"burnt_in":"{stated}"',))
        assert index.execute("SELECT count(*) FROM instances WHERE image LIKE '%burnt_in%'").fetchone() == (0,)
    study = (await node.port.list_studies(signed(store), StudyQuery())).studies[0].id
    series = (await node.port.get_study(signed(store, study), study)).series[0].id
    manifest = await node.port.series_manifest(signed(store, study, series))
    assert [source.image is not None for source in manifest.instances] == [False, True, True]
    lost = manifest.instances[2].digest
    next((settings.data / "blobs").rglob(lost)).unlink()
    manifest = await node.port.series_manifest(signed(store, study, series))
    assert [source.image is not None for source in manifest.instances] == [False, True, False]
