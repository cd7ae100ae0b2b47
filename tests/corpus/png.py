"""PNG files written chunk by chunk, so that each part of them can be broken."""

import struct
import zlib
from dataclasses import dataclass, replace

import numpy as np

from tests.corpus.damage import Files, bit_flipped, labelled, other_formats, overwritten
from tests.pipelines.images import pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
_ADAM7 += ((1, 0, 2, 1),)


@dataclass(frozen=True)
class Chunk:
    """A chunk as it is written: what it says of itself need not be true."""

    name: bytes
    data: bytes
    length: int | None = None
    crc_change: int = 0

    def encode(self) -> bytes:
        """Bytes of the chunk in the file."""
        length = len(self.data) if self.length is None else self.length
        crc = zlib.crc32(self.name + self.data) ^ self.crc_change
        return struct.pack(">I", length) + self.name + self.data + struct.pack(">I", crc)


END = Chunk(b"IEND", b"")


def join(*chunks: Chunk) -> bytes:
    """A file of these chunks."""
    return SIGNATURE + b"".join(chunk.encode() for chunk in chunks)


def header(width: int, height: int, depth: int = 8, color: int = GRAY, *methods: int) -> Chunk:
    """IHDR; methods are those of compression, filters and interlacing."""
    three = (*methods, 0, 0, 0)[:3]
    return Chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, *three))


def pack(samples: np.ndarray, depth: int) -> bytes:
    """Rows of samples without a filter; samples of less than 8 bits share a byte."""
    rows = samples.reshape(len(samples), -1)
    if depth == 16:
        packed = rows.astype(">u2").view("uint8")
    elif depth == 8:
        packed = rows.astype("uint8")
    else:
        bits = np.unpackbits(rows.astype("uint8")[..., np.newaxis], axis=2)[:, :, -depth:]
        packed = np.packbits(bits.reshape(len(rows), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def interlaced(samples: np.ndarray, depth: int) -> bytes:
    """The rows of the seven passes of Adam7."""
    passes = (samples[row::down, column::right] for row, column, down, right in _ADAM7)
    return b"".join(pack(part, depth) for part in passes if part.size)


def image_data(rows: bytes) -> Chunk:
    """One IDAT of all rows."""
    return Chunk(b"IDAT", zlib.compress(rows))


def encode(samples: np.ndarray, depth: int = 8, color: int = GRAY, *between: Chunk) -> bytes:
    """An ordinary file; other chunks come before the image data."""
    height, width = samples.shape[:2]
    return join(
        header(width, height, depth, color), *between, image_data(pack(samples, depth)), END
    )


def usual_chunks(image: np.ndarray) -> list[Chunk]:
    """What an ordinary writer stores: notes, and image data in several chunks."""
    data = zlib.compress(pack(image, 8))
    parts = [data[i : i + len(data) // 3 + 1] for i in range(0, len(data), len(data) // 3 + 1)]
    height, width = image.shape
    return [
        header(width, height),
        Chunk(b"gAMA", struct.pack(">I", 45455)),
        Chunk(b"pHYs", struct.pack(">IIB", 3937, 3937, 1)),
        Chunk(b"tEXt", b"Software\0Matplotlib"),
        *(Chunk(b"IDAT", part) for part in parts),
        END,
    ]


def usable_variants(image: np.ndarray) -> Files:
    """The same image, stored otherwise: none of them is broken."""
    height, width = image.shape
    grays = bytes(np.repeat(np.arange(256), 3).astype("uint8"))
    opaque = np.full_like(image, 255)
    deep = image.astype("uint16") * 257
    start, *_, end = usual_chunks(image)
    data = zlib.compress(pack(image, 8))
    return {
        "usual_chunks": join(*usual_chunks(image)),
        "palette_of_grays": encode(image, 8, PALETTE, Chunk(b"PLTE", grays)),
        "palette_with_alpha": encode(
            image, 8, PALETTE, Chunk(b"PLTE", grays), Chunk(b"tRNS", bytes(range(256)))
        ),
        "gray_with_alpha": encode(np.stack([image, opaque], -1), 8, GRAY_ALPHA),
        "gray_with_transparent_level": encode(image, 8, GRAY, Chunk(b"tRNS", b"\0\7")),
        "rgb_of_grays": encode(np.stack([image] * 3, -1), 8, RGB),
        "rgba_of_grays": encode(np.stack([image] * 3 + [opaque], -1), 8, RGBA),
        "16_bit": encode(deep, 16),
        "16_bit_rgb": encode(np.stack([deep] * 3, -1), 16, RGB),
        "16_bit_rgba": encode(np.stack([deep] * 4, -1), 16, RGBA),
        "interlaced": join(
            header(width, height, 8, GRAY, 0, 0, 1), image_data(interlaced(image, 8)), end
        ),
        "interlaced_16_bit": join(
            header(width, height, 16, GRAY, 0, 0, 1), image_data(interlaced(deep, 16)), end
        ),
        "one_byte_in_each_chunk": join(
            start, *(Chunk(b"IDAT", data[i : i + 1]) for i in range(len(data))), end
        ),
        "empty_image_chunks": join(start, Chunk(b"IDAT", b""), Chunk(b"IDAT", data), end),
        "more_rows_than_said": join(start, image_data(pack(image, 8) + bytes(width + 1)), end),
    }


def low_depths(image: np.ndarray) -> Files:
    """Images of 1, 2 and 4 bits: coarse, but usable."""
    return {f"{depth}_bit": encode(image >> (8 - depth), depth) for depth in (1, 2, 4)}


def every_chunk_truncated(image: np.ndarray) -> Files:
    """The file ends within a chunk; or a chunk is short, and the file goes on."""
    chunks = usual_chunks(image)
    files: Files = {}
    for index, chunk in enumerate(chunks):
        before, whole = join(*chunks[:index]), chunk.encode()
        name = f"{chunk.name.decode()}_{index}"
        ends = {"start": 0, "length": 4, "name": 8, "data": 8 + len(chunk.data) // 2, "crc": -2}
        files |= {f"{name}_ends_after_{part}": before + whole[:end] for part, end in ends.items()}
        if chunk.data:
            short = replace(chunk, data=chunk.data[:-1], length=len(chunk.data))
            files[f"{name}_short"] = join(*chunks[:index], short, *chunks[index + 1 :])
    return files


def critical_crcs(image: np.ndarray) -> Files:
    """The checksum of one of the chunks that make the image is wrong."""
    chunks = usual_chunks(image)
    return {
        f"{chunk.name.decode()}_{index}_crc": join(
            *chunks[:index], replace(chunk, crc_change=1), *chunks[index + 1 :]
        )
        for index, chunk in enumerate(chunks)
        if chunk.name.isupper()
    }


def impossible_headers(image: np.ndarray) -> Files:
    """Sizes and kinds of images that do not exist, before the data of an ordinary one."""
    height, width = image.shape
    sizes = [(0, 0), (0, height), (width, 0), (width, 16), (16, height), (100_000, 100_000)]
    sizes += [(2**31 - 1, 2**31 - 1), (2**31, 256), (2**32 - 1, 2**32 - 1), (1, 2**24)]
    sizes += [(width, height * 2), (width * 2, height), (78_125_000, 256)]
    headers = {f"{w}_x_{h}": header(w, h) for w, h in sizes}
    kinds = {"depth_3": (3, GRAY), "depth_0": (0, GRAY), "depth_32": (32, GRAY), "color_1": (8, 1)}
    kinds |= {"color_5": (8, 5), "color_255": (8, 255), "palette_of_16_bits": (16, PALETTE)}
    kinds |= {"rgb_of_4_bits": (4, RGB), "palette_without_colors": (8, PALETTE)}
    headers |= {name: header(width, height, *kind) for name, kind in kinds.items()}
    methods = {"compression_1": (1, 0, 0), "filter_1": (0, 1, 0), "interlacing_2": (0, 0, 2)}
    headers |= {name: header(width, height, 8, GRAY, *three) for name, three in methods.items()}
    data = image_data(pack(image, 8))
    return {name: join(start, data, END) for name, start in headers.items()}


def gigapixels_in_100_bytes() -> Files:
    """20 gigapixels are promised in a file of about 100 bytes."""
    start, rows = header(78_125_000, 256), bytes(32)
    return {"20_gigapixels_in_100_bytes": join(start, image_data(rows), END)}


def wrong_order(image: np.ndarray) -> Files:
    """Chunks that are missing, doubled or in the wrong place."""
    start, *_ = usual_chunks(image)
    rows = pack(image, 8)
    data, note = image_data(rows), Chunk(b"tEXt", b"a\0b")
    first, second = Chunk(b"IDAT", data.data[:50]), Chunk(b"IDAT", data.data[50:])
    return {
        "no_chunks": SIGNATURE,
        "only_end": join(END),
        "no_header": join(data, END),
        "no_image_data": join(start, END),
        "two_headers": join(start, start, data, END),
        "data_before_header": join(data, start, END),
        "data_divided_by_a_note": join(start, first, note, second, END),
        "end_before_data": join(start, END, data),
        "data_after_end": join(start, data, END, data),
        "unknown_critical_chunk": join(start, Chunk(b"ABCD", b"x"), data, END),
        "chunk_name_of_digits": join(start, Chunk(b"1234", b"x"), data, END),
        "length_beyond_the_file": join(start, replace(data, length=2**31 - 1), END),
        "length_of_32_bits": join(start, replace(data, length=2**32 - 1), END),
        "text_mode_line_ends": join(start, data, END).replace(b"\r\n", b"\n"),
        "wrong_signature": b"\x89PNH" + join(start, data, END)[4:],
    }


def damaged_data(image: np.ndarray) -> Files:
    """Chunks are whole, but what they hold is no image."""
    start, *_ = usual_chunks(image)
    rows = pack(image, 8)
    whole = zlib.compress(rows)
    datas = {
        "deflate_truncated": whole[: len(whole) // 2],
        "deflate_of_noise": np.random.default_rng(0).bytes(len(whole)),
        "deflate_without_header": whole[2:],
        "checksum_of_data": whole[:-1] + bytes([whole[-1] ^ 1]),
        "no_data_compressed": zlib.compress(b""),
        "half_of_the_rows": zlib.compress(rows[: len(rows) // 2]),
        "one_row_less": zlib.compress(rows[: -image.shape[1] - 1]),
        "filter_of_type_9": zlib.compress(b"\x09" + rows[1:]),
        "not_compressed": rows,
    }
    return {name: join(start, Chunk(b"IDAT", data), END) for name, data in datas.items()}


def compression_bombs() -> Files:
    """Small files of far more than they seem."""
    zeros = zlib.compress(bytes(2**26), 9)
    start = header(80, 64)
    return {
        "64_megabytes_behind_64_rows": join(start, Chunk(b"IDAT", zeros), END),
        "note_of_64_megabytes": join(
            start, Chunk(b"zTXt", b"Comment\0\0" + zeros), image_data(bytes(64 * 81)), END
        ),
        "gray_of_16_megapixels": _black(2**16, 256, 8, GRAY),
        "16_bit_rgb_of_4_megapixels": _black(2**14, 256, 16, RGB),
    }


def largest_images() -> Files:
    """Small files of as many pixels as are allowed."""
    return {
        "gray": _black(2**18, 256, 8, GRAY),
        "16_bit_gray": _black(2**18, 256, 16, GRAY),
        "rgba": _black(2**18, 256, 8, RGBA),
        "16_bit_rgb": _black(2**18, 256, 16, RGB),
    }


def _black(width: int, height: int, depth: int, color: int) -> bytes:
    row_bytes = 1 + width * _CHANNELS[color] * depth // 8
    squeeze = zlib.compressobj(9)
    data = b"".join(squeeze.compress(bytes(row_bytes)) for _ in range(height)) + squeeze.flush()
    return join(header(width, height, depth, color), Chunk(b"IDAT", data), END)


def without_content(image: np.ndarray) -> Files:
    """Whole images that show no spectrogram."""
    colors = np.stack([image, image // 2, 255 - image], -1)
    return {
        "all_black": encode(np.zeros_like(image)),
        "all_white": encode(np.full_like(image, 255)),
        "on_white": encode(255 - image),
        "in_colors": encode(colors, 8, RGB),
        "in_colors_16_bit": encode(colors.astype("uint16") * 257, 16, RGB),
        "all_in_alpha": encode(np.stack([np.zeros_like(image), image], -1), 8, GRAY_ALPHA),
    }


def broken_images(seed: int, count: int = 10) -> Files:
    """All images that must be named.

    Args:
        seed: of their content and the places of damage.
        count: of files with damage at random places, of each kind.
    """
    image = pixels(64, 80, seed)
    whole = encode(image)
    return {
        **every_chunk_truncated(image),
        **critical_crcs(image),
        **impossible_headers(image),
        **gigapixels_in_100_bytes(),
        **wrong_order(image),
        **damaged_data(image),
        **compression_bombs(),
        **without_content(image),
        **other_formats(seed),
        **labelled("png", overwritten(whole, count, seed)),
        **labelled("png", bit_flipped(whole, count, seed)),
    }
