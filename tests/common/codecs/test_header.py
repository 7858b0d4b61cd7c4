"""Headers: what is read, what is refused, and that hostile input costs little."""

import io
import struct
import time
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from webviewer.codecs.header import looks_like_dicom, read_header
from webviewer.errors import DamagedObjectError

MARK = b"\0" * 128 + b"DICM"


def explicit(tag, vr, value):
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT"}:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


META = MARK + explicit(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0")
MODALITY = explicit(0x00080060, b"CS", b"CT")


def read(content):
    return read_header(io.BytesIO(content))


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, "1.2.840.10008.1.2.1", ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_a_header_ends_where_the_pixels_start(make_dataset, save, syntax):
    content = save(make_dataset(syntax), bytes(48))
    header = read(content)
    assert header.transfer_syntax == syntax
    assert (header.dataset.Rows, header.dataset.Columns) == (4, 6)
    assert "PixelData" not in header.dataset
    assert header.deflated == (syntax == DeflatedExplicitVRLittleEndian)
    data = content
    if header.deflated:
        data = zlib.decompress(content[header.data_offset :], -zlib.MAX_WBITS)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    assert struct.unpack_from(order + "HH", data, header.pixel_offset) == (0x7FE0, 0x0010)


def test_meta_information_and_preamble_may_be_missing(make_dataset, save):
    content = save(make_dataset(), bytes(48))
    assert read(content[132:]).transfer_syntax == "1.2.840.10008.1.2.1"
    start = content.index(struct.pack("<HH", 0x0008, 0x0016))
    header = read(content[start:])
    assert (header.transfer_syntax, header.dataset.Rows) == ("1.2.840.10008.1.2.1", 4)


@pytest.mark.parametrize("name", ["rtstruct.dcm", "ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm"])
def test_files_without_meta_information_are_read_by_their_first_element(name):
    with open(get_testdata_file(name), "rb") as file:
        assert "SOPClassUID" in read_header(file).dataset


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(200), "not a DICOM file"),
        (b"\x89PNG\r\n" + bytes(200), "not a DICOM file"),
        (bytes(500), "not a DICOM file"),
        (META, "in the middle"),
        (META + explicit(0x00280010, b"US", b"\4\0"), "neither SOP class"),
        (META + MODALITY + explicit(0x00091001, b"OB", bytes(10))[:-4], "ends inside element"),
        (META + MODALITY + struct.pack("<HH2sHI", 9, 0x1001, b"OB", 0, 0xFFFFFFF0), "ends inside element"),
        (META + MODALITY + b"\x28\x00\x10", "in the middle"),
        (MARK + explicit(0x00020010, b"UI", b"1.2.840.10008.1.2.1.99") + b"\x07garbage", "deflated"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(content, reason):
    with pytest.raises(DamagedObjectError, match=reason):
        read(content)


def test_every_truncation_is_read_or_refused(make_dataset, save):
    content = save(make_dataset(), bytes(48))
    for length in range(len(content)):
        with suppress(DamagedObjectError):
            read(content[:length])


def bomb():
    inflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    element = MODALITY + struct.pack("<HH2sHI", 9, 0x1001, b"OB", 0, 1 << 30)
    packed = inflater.compress(element) + b"".join(inflater.compress(bytes(1 << 20)) for _ in range(300))
    return MARK + explicit(0x00020010, b"UI", b"1.2.840.10008.1.2.1.99") + packed + inflater.flush()


def nested(depth):
    start = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    return META + MODALITY + start * depth


@pytest.mark.parametrize(
    "content",
    [bomb(), nested(20_000), META + MODALITY + explicit(0x00091001, b"LO", b"") * 500_000],
    ids=["deflate bomb", "deep sequences", "many elements"],
)
def test_hostile_headers_cost_little_time_and_memory(content):
    tracemalloc.start()
    begin = time.process_time()
    try:
        read(content)
    except DamagedObjectError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1 << 30
    assert time.process_time() - begin < 30


def test_foreign_files_do_not_look_like_dicom():
    assert looks_like_dicom(META.ljust(140))
    assert not looks_like_dicom(b"%PDF-1.7".ljust(140))
    assert not looks_like_dicom(b"")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 700), junk=st.binary(min_size=1, max_size=12), cut=st.integers(0, 900))
def test_any_damage_of_a_header_gives_a_header_or_a_reason(make_dataset, save, position, junk, cut):
    content = bytearray(save(make_dataset(), bytes(48)))
    content[position : position + len(junk)] = junk
    with suppress(DamagedObjectError):
        read(bytes(content[: len(content) - cut if cut < len(content) // 2 else len(content)]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_after_the_mark_give_a_header_or_a_reason(content):
    with suppress(DamagedObjectError):
        read(MARK + content)
