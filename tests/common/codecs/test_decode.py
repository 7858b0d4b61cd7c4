"""Decoding: what went in comes out, and what is damaged is refused."""

import struct
import zlib
from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webviewer.codecs.decode import decode_frame, supported
from webviewer.codecs.syntaxes import DECODABLE
from webviewer.domain.image import FrameAttributes, ImageDescription
from webviewer.errors import DamagedObjectError, UnsupportedImageError

EXPLICIT, BIG, RLE, DEFLATED_FRAMES = (f"1.2.840.10008.1.2.{n}" for n in ("1", "2", "5", "8.1"))
JPEG, EXTENDED, SPECTRAL, LOSSLESS, LOSSLESS_SV1, JPEG_LS, J2K, HTJ2K, JXL = (
    f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 57, 70, 80, 90, 201, 110)
)
ROWS, COLUMNS = 24, 40


def describe(  # noqa: PLR0913 - the attributes of pixels are that many
    bits=16, *, stored=None, high=None, signed=False, samples=1, photometric=None, **more
):
    stored = stored or bits
    return ImageDescription(
        rows=ROWS, columns=COLUMNS, samples=samples, bits_allocated=bits, bits_stored=stored,
        high_bit=stored - 1 if high is None else high, signed=signed,
        photometric=photometric or ("MONOCHROME2" if samples == 1 else "RGB"), attributes=(FrameAttributes(),), **more,
    )  # fmt: skip


def noise(dtype, low=None, high=None, shape=(ROWS, COLUMNS)):
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(5)
    return rng.integers(limits.min if low is None else low, (limits.max if high is None else high) + 1, shape).astype(
        dtype
    )


def smooth(depth, shape=(ROWS, COLUMNS)):
    """Slow waves, which lossy codecs keep well."""
    j, i = np.indices(shape[:2])
    waves = [np.sin(i / (7 + 2 * c)) * np.cos(j / (5 + c)) for c in range(shape[2] if len(shape) > 2 else 1)]
    values = (np.stack(waves, axis=-1) * 0.4 + 0.5) * (2**depth - 1)
    return np.rint(values if len(shape) > 2 else values[..., 0]).astype("u1" if depth <= 8 else "u2")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_native_samples_of_every_depth(name, order):
    pixels = noise(name)
    image = describe(pixels.itemsize * 8, signed=name[0] == "i")
    decoded = decode_frame(pixels.astype(order + name).tobytes(), image, EXPLICIT if order == "<" else BIG)
    assert decoded.dtype == name
    assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize("name", ["f4", "f8"])
def test_floating_samples(name):
    pixels = np.random.default_rng(1).normal(size=(ROWS, COLUMNS)).astype(name)
    decoded = decode_frame(pixels.tobytes(), describe(pixels.itemsize * 8, floating=True), EXPLICIT)
    assert decoded.dtype == name
    assert np.array_equal(decoded, pixels)


def test_bits_outside_of_those_stored_are_masked_and_signs_extended():
    values = noise("i2", -2048, 2047)
    rubbish = noise("u2") & 0xF000
    stored = (values.view("u2") & 0x0FFF) | rubbish
    assert np.array_equal(decode_frame(stored.tobytes(), describe(16, stored=12, signed=True), EXPLICIT), values)
    high = ((values.view("u2") << 4) | 0x000F).astype("u2")
    image = describe(16, stored=12, high=15, signed=True)
    assert np.array_equal(decode_frame(high.tobytes(), image, EXPLICIT), values)
    unsigned = decode_frame(high.tobytes(), describe(16, stored=12, high=15), EXPLICIT)
    assert np.array_equal(unsigned, values.view("u2") & 0x0FFF)
    small = decode_frame(((noise("u2") & 0xFF00) | 0x55).astype("u2").tobytes(), describe(16, stored=7), EXPLICIT)
    assert (small.dtype, small.max()) == (np.uint8, 0x55)


def test_planes_become_pixels():
    pixels = noise("u1", shape=(ROWS, COLUMNS, 3))
    image = describe(8, samples=3)
    assert np.array_equal(decode_frame(pixels.tobytes(), image, EXPLICIT), pixels)
    planes = pixels.transpose(2, 0, 1).tobytes()
    assert np.array_equal(decode_frame(planes, image.model_copy(update={"planar": 1}), EXPLICIT), pixels)


def ybr(rgb):
    """PS3.3 C.7.6.3.1.2, full range."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.clip(np.rint(rgb @ matrix.T + [0, 128, 128]), 0, 255).astype("u1")


def test_ybr_becomes_rgb():
    rgb = smooth(8, (ROWS, COLUMNS, 3))
    image = describe(8, samples=3, photometric="YBR_FULL")
    assert np.abs(decode_frame(ybr(rgb).tobytes(), image, EXPLICIT).astype(int) - rgb).max() <= 2
    halved = ybr(np.repeat(rgb[:, ::2], 2, axis=1))
    quads = np.stack([halved[:, ::2, 0], halved[:, 1::2, 0], halved[:, ::2, 1], halved[:, ::2, 2]], axis=-1)
    image = describe(8, samples=3, photometric="YBR_FULL_422")
    decoded = decode_frame(quads.tobytes(), image, EXPLICIT)
    assert np.abs(decoded.astype(int) - np.repeat(rgb[:, ::2], 2, axis=1)).max() <= 2


def test_video_range_reaches_black_and_white():
    pixels = np.zeros((ROWS, COLUMNS, 3), "u1") + np.array([16, 128, 128], "u1")
    pixels[0] = [235, 128, 128]
    quads = np.stack([pixels[:, ::2, 0], pixels[:, 1::2, 0], pixels[:, ::2, 1], pixels[:, ::2, 2]], axis=-1)
    decoded = decode_frame(quads.tobytes(), describe(8, samples=3, photometric="YBR_PARTIAL_422"), EXPLICIT)
    assert (decoded[0].min(), decoded[1].max()) == (255, 0)


def test_deep_colour_keeps_its_upper_bits():
    pixels = noise("u2", 0, 4095, (ROWS, COLUMNS, 3))
    decoded = decode_frame(pixels.tobytes(), describe(16, stored=12, samples=3), EXPLICIT)
    assert np.array_equal(decoded, pixels >> 4)


def pack_rle(pixels, itemsize):
    flat = np.atleast_3d(pixels)
    octets = flat.astype(f">u{itemsize}").view("u1").reshape(ROWS * COLUMNS, flat.shape[2], itemsize)
    segments = [
        imagecodecs.packbits_encode(octets[:, c, b].tobytes()) for c in range(flat.shape[2]) for b in range(itemsize)
    ]
    offsets = np.cumsum([64, *(len(segment) for segment in segments[:-1])]).tolist()
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


@pytest.mark.parametrize(("name", "samples"), [("u1", 1), ("u2", 1), ("u4", 1), ("u1", 3)])
def test_run_length_frames(name, samples):
    pixels = noise(name, shape=(ROWS, COLUMNS) if samples == 1 else (ROWS, COLUMNS, samples))
    image = describe(pixels.itemsize * 8, samples=samples)
    assert np.array_equal(decode_frame(pack_rle(pixels, pixels.itemsize), image, RLE), pixels)


LOSSLESS_ENCODERS = {
    LOSSLESS_SV1: lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=1),
    LOSSLESS: lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=4),
    JPEG_LS: imagecodecs.jpegls_encode,
    J2K: lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="j2k"),
    HTJ2K: lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    JXL: lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
    DEFLATED_FRAMES: lambda a: zlib.compress(a.tobytes())[2:-4],
}


@pytest.mark.parametrize("stored", [8, 12, 16])
@pytest.mark.parametrize("syntax", LOSSLESS_ENCODERS, ids=lambda syntax: syntax[18:])
def test_lossless_grey_comes_out_as_it_went_in(syntax, stored):
    pixels = noise("u1" if stored == 8 else "u2", 0, 2**stored - 1)
    encoded = LOSSLESS_ENCODERS[syntax](pixels)
    image = describe(8 if stored == 8 else 16, stored=stored)
    assert np.array_equal(decode_frame(encoded, image, syntax), pixels)


@pytest.mark.parametrize("syntax", [s for s in LOSSLESS_ENCODERS if s != JXL], ids=lambda syntax: syntax[18:])
def test_signed_values_in_unsigned_codestreams(syntax):
    pixels = noise("i2", -2000, 3000)
    decoded = decode_frame(LOSSLESS_ENCODERS[syntax](pixels.view("u2")), describe(16, signed=True), syntax)
    assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize("syntax", [*LOSSLESS_ENCODERS], ids=lambda syntax: syntax[18:])
def test_lossless_colour_comes_out_as_it_went_in(syntax):
    pixels = noise("u1", shape=(ROWS, COLUMNS, 3))
    encode = LOSSLESS_ENCODERS[syntax]
    if syntax in {LOSSLESS, LOSSLESS_SV1}:
        encode = lambda a: imagecodecs.jpeg8_encode(a, lossless=True, colorspace="RGB", outcolorspace="RGB")  # noqa: E731
    assert np.array_equal(decode_frame(encode(pixels), describe(8, samples=3), syntax), pixels)


@pytest.mark.parametrize("inside", ["RGB", "YCBCR"])
def test_the_markers_of_a_jpeg_know_its_colours_better_than_the_data_set(inside):
    rgb = smooth(8, (ROWS, COLUMNS, 3))
    encoded = imagecodecs.jpeg8_encode(rgb, level=98, colorspace="RGB", outcolorspace=inside, subsampling="444")
    for photometric in ("RGB", "YBR_FULL_422"):
        decoded = decode_frame(encoded, describe(8, samples=3, photometric=photometric), JPEG)
        assert np.abs(decoded.astype(int) - rgb).max() <= 8


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_RCT"])
def test_jpeg_2000_undoes_its_own_transform_only(photometric):
    rgb = smooth(8, (ROWS, COLUMNS, 3))
    inside = ybr(rgb) if photometric == "YBR_FULL" else rgb
    encoded = imagecodecs.jpeg2k_encode(inside, level=0, codecformat="j2k", mct=photometric == "YBR_RCT")
    decoded = decode_frame(encoded, describe(8, samples=3, photometric=photometric), J2K)
    assert np.abs(decoded.astype(int) - rgb).max() <= 2


def test_every_syntax_is_supported_or_says_why_not():
    assert all(supported(syntax) is None for syntax in DECODABLE)
    for syntax, reason in {
        "1.2.840.10008.1.2.4.102": "video", "1.2.840.10008.1.2.4.94": "JPIP", "1.2.840.10008.1.2.4.58": "hierarchical",
        "1.2.3": "transfer syntax 1.2.3",
    }.items():  # fmt: skip
        assert reason in supported(syntax).text
        with pytest.raises(UnsupportedImageError):
            decode_frame(b"", describe(), syntax)


GREY = smooth(12)
ENCODED = {syntax: encode(GREY) for syntax, encode in LOSSLESS_ENCODERS.items()} | {RLE: pack_rle(GREY, 2)}


@pytest.mark.parametrize("syntax", ENCODED, ids=lambda syntax: syntax[18:])
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.95])
def test_cut_frames_are_refused(syntax, share):
    data = ENCODED[syntax]
    with pytest.raises((DamagedObjectError, UnsupportedImageError)):
        decode_frame(data[: int(len(data) * share)], describe(16, stored=12), syntax)


@pytest.mark.parametrize("syntax", [s for s in ENCODED if s not in {RLE, DEFLATED_FRAMES}], ids=lambda s: s[18:])
def test_codestreams_of_another_size_are_refused_before_they_are_decoded(syntax):
    image = describe(16, stored=12).model_copy(update={"rows": ROWS + 1})
    with pytest.raises(DamagedObjectError, match=f"{COLUMNS} x {ROWS} pixels, the object says {COLUMNS} x {ROWS + 1}"):
        decode_frame(ENCODED[syntax], image, syntax)


def test_frames_that_inflate_to_much_more_are_cut_short():
    packed = zlib.compress(bytes(1 << 28))[2:-4]
    assert decode_frame(packed, describe(8), DEFLATED_FRAMES).sum() == 0


@settings(max_examples=400, deadline=None)
@given(
    syntax=st.sampled_from(sorted(ENCODED)),
    position=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=6),
)
def test_damaged_frames_give_pixels_or_a_reason(syntax, position, junk):
    data = bytearray(ENCODED[syntax])
    start = int(position * (len(data) - 1))
    data[start : start + len(junk)] = junk
    with suppress(DamagedObjectError, UnsupportedImageError):
        assert decode_frame(bytes(data), describe(16, stored=12), syntax).shape == (ROWS, COLUMNS)


@settings(max_examples=200, deadline=None)
@given(syntax=st.sampled_from(sorted(DECODABLE)), data=st.binary(max_size=300))
def test_any_bytes_give_pixels_or_a_reason(syntax, data):
    with suppress(DamagedObjectError, UnsupportedImageError):
        decode_frame(data, describe(16, stored=12), syntax)
