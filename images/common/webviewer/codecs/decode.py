"""From the bytes of a frame to its stored values: imagecodecs does the work and leaves the GIL meanwhile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from webviewer.codecs import syntaxes
from webviewer.codecs.codestream import Codestream, read_jpeg, read_jpeg2000, read_jpegxl
from webviewer.codecs.colour import unpack_422, ybr_to_rgb
from webviewer.codecs.frame_table import frame_length
from webviewer.codecs.syntaxes import supported
from webviewer.domain.image import ImageDescription
from webviewer.errors import DamagedObjectError, UnsupportedImageError

__all__ = ["decode_frame", "supported"]

Array = NDArray[Any]
_COLOUR = 3


def decode_frame(data: bytes | memoryview, image: ImageDescription, transfer_syntax: str, frame: int = 0) -> Array:
    """Decode one frame to (rows, columns), or (rows, columns, 3) of uint8 RGB for colour.

    Grey and palette images give stored values: int8 to uint32 by BitsStored and PixelRepresentation, bits outside
    of BitsStored masked and the sign extended; Float and Double Float Pixel Data give float32 and float64. ``frame``
    matters for native bit-packed data only, whose frames may start within a byte. The result may be a read-only
    view of ``data``.

    Raises UnsupportedImageError for what cannot be decoded and DamagedObjectError for bytes that are not what the
    description says.
    """
    reason = supported(transfer_syntax)
    if reason is not None:
        raise UnsupportedImageError(reason)
    if transfer_syntax in syntaxes.NATIVE or transfer_syntax == syntaxes.ENCAPSULATED_NATIVE:
        return _native(data, image, transfer_syntax, frame)
    if transfer_syntax == syntaxes.DEFLATED_FRAMES:
        return _native(_inflate(data, frame_length(image)), image, transfer_syntax, 0)
    packed = bytes(data)
    if transfer_syntax == syntaxes.RLE:
        return _finish(_run_length(packed, image), image, _shift(image))
    stream, pixels = _compressed(packed, image, transfer_syntax)
    _check_shape(pixels, image)
    # Lossy JPEG, JPEG XL and transformed JPEG 2000 leave their decoders as RGB whatever they were inside.
    rgb = stream.transformed or transfer_syntax in syntaxes.JPEG_DCT | syntaxes.JPEG_XL
    return _finish(pixels, image, shift=0, rgb=rgb)


def _fail(reason: str) -> NoReturn:
    text = f"the pixel data are damaged: {reason}"
    raise DamagedObjectError(text)


def _inflate(data: bytes | memoryview, length: int) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, length + 1)
    except zlib.error:
        _fail("the deflated frame cannot be inflated")


def _native(data: bytes | memoryview, image: ImageDescription, transfer_syntax: str, frame: int) -> Array:
    rows, columns = image.rows, image.columns
    if image.bits_allocated == 1:
        shift = frame * rows * columns % 8 if transfer_syntax in syntaxes.NATIVE else 0
        octets = np.frombuffer(data, np.uint8)
        if len(octets) * 8 < shift + rows * columns:
            _short(len(octets), frame_length(image))
        return np.unpackbits(octets, bitorder="little")[shift : shift + rows * columns].reshape(rows, columns)
    order = ">" if transfer_syntax == syntaxes.EXPLICIT_BE else "<"
    kind = "f" if image.floating else "u"
    dtype = np.dtype(f"{order}{kind}{image.bits_allocated // 8}")
    full = rows * columns * image.samples
    count = frame_length(image) // dtype.itemsize
    subsampled = count < full and len(data) < full * dtype.itemsize
    count = count if subsampled else full
    if len(data) < count * dtype.itemsize:
        _short(len(data), count * dtype.itemsize)
    samples = np.frombuffer(data, dtype, count)
    if subsampled:
        if image.photometric == "YBR_PARTIAL_420" or image.bits_allocated != 8:  # noqa: PLR2004
            text = f"uncompressed {image.photometric} with {image.bits_allocated} bits cannot be shown"
            raise UnsupportedImageError(text)
        return _finish(unpack_422(samples, rows, columns), image, _shift(image))
    if image.samples == 1:
        return _finish(samples.reshape(rows, columns), image, _shift(image))
    if image.planar == 1:
        return _finish(
            np.ascontiguousarray(samples.reshape(_COLOUR, rows, columns).transpose(1, 2, 0)), image, _shift(image)
        )
    return _finish(samples.reshape(rows, columns, _COLOUR), image, _shift(image))


def _short(available: int, needed: int) -> NoReturn:
    _fail(f"{available} of {needed} bytes are there")


def _run_length(data: bytes, image: ImageDescription) -> Array:
    """Decode RLE Lossless (PS3.5 annex G): one PackBits segment per byte of a sample, the high byte first."""
    octets = image.bits_allocated // 8
    wanted = octets * image.samples
    size = image.rows * image.columns
    if len(data) < 64:  # noqa: PLR2004
        _short(len(data), 64)
    count, *offsets = struct.unpack_from("<16I", data)
    if count != wanted or octets == 0:
        _fail(f"{count} segments instead of {wanted}")
    ends = [*offsets[1:count], len(data)]
    planes = np.empty((image.samples, size, octets), np.uint8)
    for index, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        if not 64 <= start <= end <= len(data):  # noqa: PLR2004
            _fail("the segments overlap")
        plane = _attempt(imagecodecs.packbits_decode, data[start:end])
        if len(plane) < size:
            _short(len(plane), size)
        planes[index // octets, :, octets - 1 - index % octets] = np.frombuffer(plane, np.uint8, size)
    samples = planes.view(f"<u{octets}").reshape(image.samples, image.rows, image.columns)
    return samples[0] if image.samples == 1 else np.ascontiguousarray(samples.transpose(1, 2, 0))


def _compressed(data: bytes, image: ImageDescription, transfer_syntax: str) -> tuple[Codestream, Array]:
    if transfer_syntax in syntaxes.JPEG_2000:
        stream = _check(read_jpeg2000(data), image)
        # OpenJPEG for HTJ2K too: OpenJPH is twice as fast, but its binding passes over errors, and what it has not
        # written of the picture then is whatever was in memory before.
        return stream, _attempt(imagecodecs.jpeg2k_decode, data, numthreads=1)
    if transfer_syntax in syntaxes.JPEG_XL:
        stream = _check(read_jpegxl(data), image)
        return stream, _attempt(imagecodecs.jpegxl_decode, data, numthreads=1, keeporientation=True)
    stream = _check(read_jpeg(data), image)
    if transfer_syntax in syntaxes.JPEG_LS:
        return stream, _attempt(imagecodecs.jpegls_decode, data)
    return stream, _attempt(imagecodecs.jpeg8_decode, data, **_colour_spaces(stream, image, transfer_syntax))


def _colour_spaces(stream: Codestream, image: ImageDescription, transfer_syntax: str) -> dict[str, str]:
    """Tell libjpeg what the components are; it makes RGB of lossy ones, and lossless JPEG knows no transform."""
    if stream.components == 1:
        return {}
    rgb = transfer_syntax in syntaxes.JPEG_LOSSLESS or _is_rgb(stream, image)
    return {"colorspace": "RGB" if rgb else "YCBCR", "outcolorspace": "RGB"}


def _is_rgb(stream: Codestream, image: ImageDescription) -> bool:
    """Whether the components of a lossy JPEG are RGB: its own markers know better than the data set."""
    return image.photometric == "RGB" if stream.rgb is None else stream.rgb


def _attempt(decoder: Callable[..., Any], data: bytes, **options: object) -> Any:  # noqa: ANN401
    try:
        return decoder(data, **options)
    except MemoryError as error:
        text = "the picture needs more memory than there is"
        raise UnsupportedImageError(text) from error
    except Exception as error:  # each codec has an exception class of its own
        text = "the compressed picture is damaged: it cannot be decoded"
        raise DamagedObjectError(text) from error


def _check(stream: Codestream, image: ImageDescription) -> Codestream:
    if (stream.rows, stream.columns) != (image.rows, image.columns):
        text = (
            f"the compressed picture has {stream.columns} x {stream.rows} pixels, "
            f"the object says {image.columns} x {image.rows}"
        )
        raise DamagedObjectError(text)
    if stream.components and stream.components != image.samples:
        text = f"the compressed picture has {stream.components} components, the object says {image.samples}"
        raise DamagedObjectError(text)
    return stream


def _check_shape(pixels: Array, image: ImageDescription) -> None:
    expected = (image.rows, image.columns) if image.samples == 1 else (image.rows, image.columns, _COLOUR)
    if pixels.shape != expected:
        _fail(f"its shape is {pixels.shape} instead of {expected}")


def _shift(image: ImageDescription) -> int:
    return image.high_bit + 1 - image.bits_stored


def _finish(pixels: Array, image: ImageDescription, shift: int, *, rgb: bool = False) -> Array:
    """Bring samples to what :func:`decode_frame` promises; ``shift`` is how far BitsStored lie above bit 0."""
    if image.floating:
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if image.samples == 1:
        return _stored_values(pixels, image, shift)
    if pixels.dtype.itemsize > 1:
        pixels = pixels >> (shift + image.bits_stored - 8) if image.bits_stored > 8 else pixels >> shift  # noqa: PLR2004
    pixels = pixels.astype(np.uint8, copy=False)
    if rgb or image.photometric not in {"YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420"}:
        return pixels
    return ybr_to_rgb(pixels, partial=image.photometric.startswith("YBR_PARTIAL"))


def _stored_values(pixels: Array, image: ImageDescription, shift: int) -> Array:
    """Mask what lies outside of BitsStored, extend the sign, and choose the smallest dtype."""
    bits = image.bits_stored
    size = next(size for size in (1, 2, 4, 8) if bits <= size * 8)
    target = np.dtype(f"{'i' if image.signed else 'u'}{size}")
    if bits == size * 8 and shift == 0:
        if pixels.dtype.itemsize == size and pixels.dtype.isnative:
            return pixels.view(target)
        return pixels.astype(np.dtype(f"u{size}")).view(target)
    unsigned = np.dtype(f"u{size}")
    values = (pixels >> shift if shift else pixels).astype(unsigned)
    spare = size * 8 - bits
    if image.signed:
        values <<= unsigned.type(spare)
        signed = values.view(target)
        signed >>= target.type(spare)
        return signed
    if spare:
        values &= unsigned.type((1 << bits) - 1)
    return values
