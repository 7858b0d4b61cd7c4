"""Frame tables: every way in which frames may lie in a file."""

import io
import struct

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from webviewer.codecs.description import describe
from webviewer.codecs.frame_table import frame_length, locate_frames
from webviewer.codecs.header import read_header
from webviewer.errors import DamagedObjectError, UnsupportedImageError

RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"


def jpeg(number, length=40):
    return b"\xff\xd8\xff\xe0" + bytes([number]) * length + b"\xff\xd9"


def rle(number):
    return struct.pack("<16I", 2, 64, 70, *[0] * 13) + bytes([number]) * 12


def fragmented(*fragments, offsets=b""):
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(part)) + part for part in (offsets, *fragments))
    return items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, "1.2.840.10008.1.2.1", ExplicitVRBigEndian])
def test_native_frames_follow_each_other(make_dataset, save, open_image, syntax):
    pixels = np.arange(72, dtype="u2").reshape(3, 4, 6)
    opened = open_image(save(make_dataset(syntax, NumberOfFrames=3), pixels))
    assert opened.table.native[1] == 48
    assert opened.encoded(2) == pixels[2].tobytes()


def test_bit_packed_frames_may_start_within_a_byte(make_dataset, save, open_image):
    pixels = np.random.default_rng(1).integers(0, 2, (5, 3, 7)).astype("u1")
    packed = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    dataset = make_dataset(NumberOfFrames=5, Rows=3, Columns=7, BitsAllocated=1, BitsStored=1, HighBit=0)
    opened = open_image(save(dataset, packed))
    for frame in range(5):
        assert np.array_equal(opened.frame(frame), pixels[frame])


def test_deflated_objects_are_inflated_as_a_whole(make_dataset, save):
    pixels = np.arange(48, dtype="u2").reshape(2, 4, 6)
    file = io.BytesIO(save(make_dataset(DeflatedExplicitVRLittleEndian, NumberOfFrames=2), pixels))
    assert locate_frames(file, read_header(file)).whole_file


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("has_table", [False, True])
def test_one_fragment_per_frame(make_dataset, save, open_image, extended, has_table):
    frames = [jpeg(n, 40 + n) for n in range(4)]
    dataset = make_dataset(JPEG, NumberOfFrames=4, BitsAllocated=8, BitsStored=8, HighBit=7)
    opened = open_image(save(dataset, frames=frames, extended=extended, **({} if extended else {"has_bot": has_table})))
    assert [opened.encoded(n).rstrip(b"\0") for n in range(4)] == frames


def test_fragments_are_shared_out_by_the_offset_table(make_dataset, save, open_image):
    data = encapsulate([jpeg(n) for n in range(3)], fragments_per_frame=3, has_bot=True)
    opened = open_image(save_raw(make_dataset, save, data, 3))
    assert [len(pieces) for pieces in opened.table.fragments] == [3, 3, 3]
    assert opened.encoded(1).startswith(jpeg(1))


def save_raw(make_dataset, save, data, frames, syntax=JPEG, **attributes):
    dataset = make_dataset(syntax, NumberOfFrames=frames, BitsAllocated=8, BitsStored=8, HighBit=7, **attributes)
    dataset.PixelData = data
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return save(dataset)


@pytest.mark.parametrize("offsets", [b"", struct.pack("<2I", 0, 7), struct.pack("<I", 0)], ids=["no", "wrong", "short"])
def test_without_a_usable_table_codestreams_tell_the_frames(make_dataset, save, open_image, offsets):
    first, second = jpeg(1), jpeg(2)
    data = fragmented(first[:20], first[20:], second[:10], second[10:], offsets=offsets)
    opened = open_image(save_raw(make_dataset, save, data, 2))
    assert [opened.encoded(n) for n in range(2)] == [first, second]


def test_split_run_length_frames_are_told_apart_by_their_headers(make_dataset, save, open_image):
    data = fragmented(rle(1), rle(2)[:66], rle(2)[66:])
    opened = open_image(save_raw(make_dataset, save, data, 2, RLE))
    assert [opened.encoded(n) for n in range(2)] == [rle(1), rle(2)]


def test_all_fragments_belong_to_the_only_frame(make_dataset, save, open_image):
    opened = open_image(save_raw(make_dataset, save, fragmented(b"ab", b"cd", b"ef"), 1))
    assert opened.encoded() == b"abcdef"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (fragmented(jpeg(1)), "1 of 2 frames"),
        (fragmented(b"ab", b"cd", b"ef"), "cannot be shared out"),
        (fragmented(jpeg(1))[:-30], "end early"),
        (b"\0" * 40, "an item is expected"),
    ],
)
def test_pixels_that_are_not_all_there_are_refused(make_dataset, save, open_image, data, reason):
    content = save_raw(make_dataset, save, fragmented(jpeg(1)), 2)
    start = content.index(fragmented(jpeg(1)))
    with pytest.raises(DamagedObjectError, match=reason):
        open_image(content[:start] + data)


def test_short_native_pixels_are_refused(make_dataset, save, open_image):
    content = save(make_dataset(NumberOfFrames=3), bytes(3 * 48))
    with pytest.raises(DamagedObjectError, match="2 of 3 frames are there"):
        open_image(content[:-10])


def test_native_pixels_without_a_length_are_refused(make_dataset, save, open_image):
    content = bytearray(save(make_dataset(), bytes(48)))
    content[-52:-48] = b"\xff\xff\xff\xff"
    with pytest.raises(DamagedObjectError, match="have no length"):
        open_image(bytes(content))


def test_compressed_pixels_with_a_length_are_refused(make_dataset, save, open_image):
    content = save_raw(make_dataset, save, fragmented(jpeg(1)), 1)
    start = content.index(fragmented(jpeg(1)))
    with pytest.raises(DamagedObjectError, match="not encapsulated"):
        open_image(content[: start - 4] + struct.pack("<I", 40) + bytes(40))


def test_objects_without_pixels_are_told(make_dataset, save, open_image):
    with pytest.raises(UnsupportedImageError, match="no pixel data"):
        open_image(save(make_dataset()))


@pytest.mark.parametrize(
    ("attributes", "length"),
    [
        ({}, 48),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, 3),
        ({"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8,
          "HighBit": 7}, 48),
    ],
)  # fmt: skip
def test_the_length_of_a_frame_follows_from_its_description(make_dataset, attributes, length):
    assert frame_length(describe(make_dataset(**attributes))) == length
