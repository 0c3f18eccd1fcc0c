"""Write test/fixtures/decode: small images of the kinds that this package decodes itself, and expected.json, what Pillow makes
of them.

Needs: pillow 12.3 and numpy. Usage: python scripts/make_decode_fixtures.py
"""

import hashlib
import json
import pathlib
import re
import struct
import zlib

import numpy as np
import PIL
from PIL import Image

FOLDER = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "decode"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    photo = Image.fromarray(scene(61, 83))
    few = photo.quantize(13)
    write_gifs(few)
    write_bitmaps(photo, photo.convert("L"), few)
    write_tiffs()
    write_avifs(photo)
    write_warnings()
    paths = sorted(path for path in FOLDER.iterdir() if path.suffix != ".json")
    images = ",\n".join(f"  {json.dumps(path.name)}: {json.dumps(facts_of(path))}" for path in paths)
    text = f' "pillow": {json.dumps(PIL.__version__)},\n "images": {{\n{images}\n }}'
    (FOLDER / "expected.json").write_text(f"{{\n{text}\n}}\n")


def facts_of(path):
    with Image.open(path) as image:
        mode, rgb = image.mode, image.convert("RGB")
    mean = [round(float(value), 2) for value in np.asarray(rgb).mean((0, 1))]
    return {"mode": mode, "size": rgb.size, "rgb": digest(rgb), "mean": mean}


def write_gifs(few):
    """Screens that other decoders ignore, interlacing, and files without what they should have."""
    few.save(FOLDER / "interlaced.gif", interlace=1)
    few.save(FOLDER / "palette.gif")
    plain = (FOLDER / "palette.gif").read_bytes()
    colors = 3 << (plain[10] & 7) + 1
    size = plain[6:10]
    for width, height in ((640, 480), (2049, 70)):
        (FOLDER / f"screen-{width}.gif").write_bytes(plain[:6] + struct.pack("<HH", width, height) + plain[10:])
    assert plain[-1:] == b"\x3b"
    (FOLDER / "beyond-screen.gif").write_bytes(plain[:6] + struct.pack("<HH", 50, 20) + plain[10:])
    (FOLDER / "no-palette.gif").write_bytes(plain[:6] + size + bytes([plain[10] & 0x7F]) + plain[11:13] + plain[13 + colors :])
    # Without the code that ends the data, the end of the data, and the trailer.
    codes = [4, 0, 1, 4, 2, 3]
    packed = sum(code << (3 * index) for index, code in enumerate(codes)).to_bytes(3, "little")
    head = b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0x81, 0, 0) + bytes(range(12)) + b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 2, 0)
    (FOLDER / "no-end.gif").write_bytes(head + b"\x02" + bytes([len(packed)]) + packed)


def write_bitmaps(photo, gray, few):
    """BMP and Netpbm files of all depths."""
    for name, image in (("rgb", photo), ("gray", gray), ("palette", few), ("bilevel", photo.convert("1")), ("rgba", photo.convert("RGBA"))):
        image.save(FOLDER / f"{name}.bmp")
    palette = noise(48, 3).reshape(16, 3)
    rows = noise(61 * 44, 9)
    for name, bits, compression, masks, data in (
        ("rgb555", 16, 0, b"", noise(61 * 168, 8).tobytes()),
        ("rgb565", 16, 3, struct.pack("<III", 0xF800, 0x7E0, 0x1F), noise(61 * 168, 8).tobytes()),
        ("top-down", 4, 0, b"", rows.tobytes()),
        ("rle4", 4, 2, b"", runs(61, 83, 4)),
        ("rle8", 8, 1, b"", runs(61, 83, 8)),
    ):
        colors = b"".join(bytes(color[::-1].astype(np.uint8)) + b"\0" for color in palette) if bits <= 8 else b""
        height = -61 if name == "top-down" else 61
        header = struct.pack("<IiiHHIIiiII", 40, 83, height, 1, bits, compression, len(data), 0, 0, len(colors) // 4, 0)
        offset = 14 + len(header + masks + colors)
        head = b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset)
        (FOLDER / f"{name}.bmp").write_bytes(head + header + masks + colors + data)

    values = noise(7 * 11 * 3, 6).astype(int)
    for name, head, data in (
        ("text.pbm", "P1\n# a comment\n11 7", "\n".join("".join(str(v % 2) for v in values[i : i + 11]) for i in range(0, 77, 11))),
        ("text.pgm", "P2 11 7 200", " ".join(str(v % 201) for v in values[:77]) + "#end"),
        ("text16.pgm", "P2 11 7 1000", "\n".join(str(v % 9) for v in values[:77])),
        ("text.ppm", "P3 11 7 255", "\t".join(str(v) for v in values)),
    ):
        (FOLDER / name).write_text(f"{head}\n{data}\n")
    for name, head, data in (
        ("bits.pbm", "P4 11 7", values[:14].astype(np.uint8)),
        ("gray.pgm", "P5 11 7 255", values[:77].astype(np.uint8)),
        ("gray-100.pgm", "P5 # comment\n11 7 100", values[:77].astype(np.uint8)),
        ("gray-1000.pgm", "P5 11 7 1000", (values[:77] % 9).astype(">u2")),
        ("gray16.pgm", "P5 11 7 65535", (values[:77] * 3).astype(">u2")),
        ("rgb.ppm", "P6 11 7 255", values.astype(np.uint8)),
        ("rgb16.ppm", "P6 11 7 65535", (values * 257).astype(">u2")),
        ("float.pfm", "Pf 11 7 -1.0", (values[:77] * 1.5 - 40).astype("<f4")),
    ):
        (FOLDER / name).write_bytes(f"{head}\n".encode() + data.tobytes())


def runs(height, width, bits):
    """Runs, literal pixels, a jump, and the ends of rows and of the bitmap."""
    data = b""
    for y in range(height):
        data += bytes([20, y * 7 % 256, 0, 6]) + noise(6 * bits // 8, y).tobytes() + b"\0" * (6 * bits // 8 % 2)
        data += bytes([0, 2, 9, 0, 200 if y % 9 else 3, y]) + bytes([0, 0])
    return data + bytes([0, 1])


def write_tiffs():
    """One TIFF of each kind of pixels, each in another compression, in strips or in tiles, in one plane or several."""
    UNSIGNED, SIGNED, FLOAT = 1, 2, 3
    cases = [
        ("gray1-white", 0, 1, 1, (), UNSIGNED, {}),
        ("gray2", 1, 2, 1, (), UNSIGNED, {"packing": 32773}),
        ("gray4-turned-bits", 1, 4, 1, (), UNSIGNED, {"packing": 5, "turned": True}),
        ("gray8-signed", 1, 8, 1, (), SIGNED, {}),
        ("gray12", 1, 12, 1, (), UNSIGNED, {}),
        ("gray16-tiles", 1, 16, 1, (), UNSIGNED, {"packing": 8, "tiled": True, "predictor": 2}),
        ("gray16-signed", 1, 16, 1, (), SIGNED, {"order": ">"}),
        ("gray32", 1, 32, 1, (), UNSIGNED, {"packing": 8}),
        ("gray-float", 1, 32, 1, (), FLOAT, {}),
        ("gray-alpha", 1, 8, 2, (2,), UNSIGNED, {"packing": 5}),
        ("palette4", 3, 4, 1, (), UNSIGNED, {"packing": 32773}),
        ("rgb-planes", 2, 8, 3, (), UNSIGNED, {"planes": True, "tiled": True}),
        ("rgb16-planes", 2, 16, 3, (), UNSIGNED, {"planes": True, "packing": 5, "predictor": 2, "order": ">"}),
        ("rgb16-big", 2, 16, 3, (), UNSIGNED, {"order": ">", "packing": 8, "predictor": 2}),
        ("rgba-associated", 2, 8, 4, (1,), UNSIGNED, {"packing": 8, "tiled": True}),
        ("rgba16-associated", 2, 16, 4, (1,), UNSIGNED, {}),
        ("rgba-associated-planes", 2, 8, 4, (1,), UNSIGNED, {"planes": True, "packing": 8}),
        ("rgb-extra", 2, 8, 6, (0, 0, 0), UNSIGNED, {}),
        ("cmyk-spot", 5, 8, 5, (0,), UNSIGNED, {"packing": 5}),
        ("cmyk16", 5, 16, 4, (), UNSIGNED, {}),
        ("cmyk-planes", 5, 8, 4, (), UNSIGNED, {"planes": True, "packing": 8}),
    ]
    for name, photometric, bits, samples, extra, sample_format, options in cases:
        (FOLDER / f"{name}.tif").write_bytes(tiff(photometric, bits, samples, extra, sample_format, **options))


def tiff(photometric, bits, samples, extra, sample_format, order="<", packing=1, predictor=1, tiled=False, planes=False, turned=False):
    """A TIFF of 21 by 19 pixels, in tiles of 16 by 16 or strips of 5 rows."""
    SHORT, LONG = 3, 4
    width, height = 21, 19
    block_width, block_height = (16, 16) if tiled else (width, 5)
    blocks = []
    for plane in range(samples if planes else 1):
        for top in range(0, height, block_height):
            for left in range(0, width, block_width):
                rows = block_height if tiled else min(block_height, height - top)
                shape = rows, block_width, 1 if planes else samples
                seed = plane * 1000 + top * 32 + left
                data = samples_of(shape, bits, sample_format, seed, order, predictor)
                data = {1: bytes, 5: lzw, 8: zlib.compress, 32773: packbits}[packing](data)
                blocks.append(bytes(int(f"{byte:08b}"[::-1], 2) for byte in data) if turned else data)
    offsets = [8 + sum(len(block) for block in blocks[:index]) for index in range(len(blocks))]
    counts = [len(block) for block in blocks]
    fields = [(256, SHORT, [width]), (257, SHORT, [height]), (258, SHORT, [bits] * samples), (259, SHORT, [packing])]
    fields += [(262, SHORT, [photometric]), (266, SHORT, [2 if turned else 1]), (277, SHORT, [samples])]
    fields += [(284, SHORT, [2 if planes else 1]), (317, SHORT, [predictor]), (339, SHORT, [sample_format] * samples)]
    if photometric == 3:
        fields.append((320, SHORT, [int(byte) * 257 for byte in noise(3 << bits, 4)]))
    if tiled:
        fields += [(322, SHORT, [block_width]), (323, SHORT, [block_height]), (324, LONG, offsets), (325, LONG, counts)]
    else:
        fields += [(273, LONG, offsets), (278, SHORT, [block_height]), (279, LONG, counts)]
    if extra:
        fields.append((338, SHORT, list(extra)))
    start = 8 + sum(counts)
    behind = start + 2 + 12 * len(fields) + 4
    directory, values = struct.pack(order + "H", len(fields)), b""
    for tag, kind, numbers in sorted(fields):
        packed = struct.pack(f"{order}{len(numbers)}{'H' if kind == SHORT else 'I'}", *numbers)
        directory += struct.pack(order + "HHI", tag, kind, len(numbers))
        directory += packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(order + "I", behind + len(values))
        values += packed if len(packed) > 4 else b""
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, start)
    return head + b"".join(blocks) + directory + bytes(4) + values


def samples_of(shape, bits, sample_format, seed, order, predictor):
    """Values without a pattern; large ones are rare where Pillow would cut them off."""
    height, width, samples = shape
    if bits % 8 != 0:
        return noise(height * ((width * samples * bits + 7) // 8), seed).tobytes()
    values = noise(height * width * samples, seed).astype(np.int64).reshape(shape)
    if bits > 8 and samples == 1:
        values = values * 2 - (100 if sample_format != 1 else 0)
    elif bits > 8:
        values = values * 257 + 5
    if predictor == 2:
        values[:, 1:] -= values[:, :-1].copy()
    kind = {1: "u", 2: "i", 3: "f"}[sample_format]
    if kind == "f":
        return values.astype(f"{order}f4").tobytes()
    return (values & (1 << bits) - 1).astype(f"{order}u{bits // 8}").tobytes()


def packbits(data):
    """Literal runs, and one of equal bytes, which is zero bytes long for others."""
    return b"".join(bytes([len(data[at : at + 50]) - 1]) + data[at : at + 50] for at in range(0, len(data), 50))


def lzw(data):
    width, text, bits = 9, b"", ""
    table = {bytes([byte]): byte for byte in range(256)}
    following = 258
    bits += f"{256:09b}"
    for byte in data:
        if text + bytes([byte]) in table:
            text += bytes([byte])
            continue
        bits += f"{table[text]:0{width}b}"
        table[text + bytes([byte])] = following
        following += 1
        width += following > (1 << width) - 1
        text = bytes([byte])
    bits += f"{table[text]:0{width}b}"
    following += 1
    width += following > (1 << width) - 1
    bits += f"{257:0{width}b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def write_avifs(photo):
    """Brands and properties; their bytes are not those of Pillow, but close."""
    photo.save(FOLDER / "sequence.avif", save_all=True, append_images=[photo.rotate(90)], duration=50, subsampling="4:4:4")
    photo.save(FOLDER / "plain.avif", subsampling="4:4:4", quality=90)
    photo.convert("L").save(FOLDER / "gray-limited.avif", range="limited", quality=90)
    plain = (FOLDER / "plain.avif").read_bytes()
    (FOLDER / "mif1.avif").write_bytes(plain.replace(b"ftypavif", b"ftypmif1", 1))
    turned = Image.Exif()
    turned[0x0112] = 6
    photo.save(FOLDER / "turned.avif", subsampling="4:4:4", quality=90, exif=turned)


def write_warnings():
    """A JPEG of which the decoder warns before each of its 300 restart markers."""
    path = FOLDER / "warnings.jpg"
    Image.fromarray(scene(160, 240)).save(path, quality=60, restart_marker_blocks=1)
    jpeg = path.read_bytes()
    scan = jpeg.index(b"\xff\xda")
    # Without the last bytes before each marker.
    cut = re.sub(rb"[^\xff]{4}(?=\xff[\xd0-\xd7])", b"", jpeg[scan:])
    path.write_bytes(jpeg[:scan] + cut)


def scene(height, width):
    """Smooth colors, hard edges and some noise: what compression and resampling trip over."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 120 * np.sin(x / 9 + y / 17), 127 + 120 * np.cos(x / 5 - y / 11), 127 + 120 * np.sin(x * y / 300)]
    noise = np.random.default_rng(18).normal(0, 8, (height, width, 3))
    image = np.stack(waves, -1) + noise
    image[height // 4 : height // 2, width // 4 : width // 2] = [250, 10, 30]
    image[height // 2 : height // 2 + 6] = [0, 0, 255]
    return np.clip(image, 0, 255).astype(np.uint8)


def noise(count, seed):
    """Bytes without a pattern; test/support/noise.ts makes the same ones."""
    h = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (h >> 24).astype(np.uint8)


def digest(image_or_array):
    return hashlib.sha256(image_or_array.tobytes()).hexdigest()


if __name__ == "__main__":
    main()
