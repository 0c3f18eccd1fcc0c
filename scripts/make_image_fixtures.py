"""Write test/fixtures/vision: small images of many kinds, and expected.json, what Pillow and torchvision make of them.

Needs: pillow 12.3, numpy, torch and torchvision. Usage: python scripts/make_image_fixtures.py
"""

import hashlib
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
import torchvision
from PIL import Image, ImageCms, ImageOps
from torchvision import transforms as T
from torchvision.transforms import functional as F

FOLDER = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "vision"
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
MODES = {1: "L", 3: "RGB", 4: "CMYK"}
ORIENTATION = 0x0112
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
CIFAR = ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])
FASHION_MNIST = ([0.2860], [0.3530])


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_images()
    names = sorted(path.name for path in FOLDER.iterdir() if path.suffix not in (".json", ".avif"))
    expected = {
        "pillow": PIL.__version__,
        "torchvision": torchvision.__version__.split("+")[0],
        "images": {name: facts_of(FOLDER / name) for name in names},
        "resize": [resize_facts(*case) for case in resize_cases()],
        "pad": [pad_facts(*case) for case in pad_cases()],
    }
    (FOLDER / "expected.json").write_text(one_line_a_case(expected))


def one_line_a_case(expected):
    sections = []
    for name, value in expected.items():
        if isinstance(value, dict):
            cases = [f"  {json.dumps(key)}: {json.dumps(facts)}" for key, facts in value.items()]
            sections.append(f" {json.dumps(name)}: {{\n" + ",\n".join(cases) + "\n }")
        elif isinstance(value, list):
            cases = [f"  {json.dumps(facts)}" for facts in value]
            sections.append(f" {json.dumps(name)}: [\n" + ",\n".join(cases) + "\n ]")
        else:
            sections.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def write_images():
    """Images of odd sizes, so that the edges of blocks and of halved chroma show."""
    photo = Image.fromarray(scene(61, 83))
    gray = photo.convert("L")
    alpha = Image.fromarray(np.dstack([scene(61, 83), np.tile(np.arange(83, dtype=np.uint8) * 3, (61, 1))]))
    few = photo.quantize(13)
    wide = Image.fromarray((np.arange(61 * 83).reshape(61, 83) * 13 % 65536).astype(np.uint16))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()

    def save(image, name, **options):
        image.save(FOLDER / name, **options)

    save(photo, "444.jpg", quality=90, subsampling="4:4:4")
    save(photo, "422.jpg", quality=75, subsampling="4:2:2")
    save(photo, "420.jpg", quality=75, subsampling="4:2:0")
    # Larger than the crop, as photos are.
    save(Image.fromarray(scene(330, 440)), "photo.jpg", quality=40)
    save(photo, "progressive.jpg", quality=80, progressive=True)
    save(gray, "gray.jpg", quality=80)
    save(photo.convert("CMYK"), "cmyk.jpg", quality=90)
    (FOLDER / "ycck.jpg").write_bytes(as_ycck((FOLDER / "cmyk.jpg").read_bytes()))
    save(photo, "profile.jpg", quality=90, icc_profile=profile)
    for orientation in range(2, 9):
        save(photo, f"turned-{orientation}.jpg", quality=60, exif=turned(orientation))

    save(photo, "rgb.png")
    save(gray, "gray.png")
    save(alpha, "rgba.png")
    save(alpha.convert("LA"), "gray-alpha.png")
    save(few, "palette.png")
    save(few, "palette-transparent.png", transparency=bytes(range(0, 130, 10)))
    save(photo.convert("1"), "bilevel.png")
    save(wide, "gray16.png")
    (FOLDER / "rgb16.png").write_bytes(png16(13, 9, channels=3))
    (FOLDER / "rgba16.png").write_bytes(png16(13, 9, channels=4))
    (FOLDER / "gray-alpha16.png").write_bytes(png16(13, 9, channels=2))
    # More than 100 times as high as wide: Pillow takes the columns first where it shrinks.
    save(Image.fromarray(scene(707, 7)), "tall.png")

    save(photo, "lossy.webp", quality=75)
    save(alpha, "alpha.webp", lossless=True)
    save(few, "palette.gif")
    save(few, "transparent.gif", transparency=3)
    save(few, "animated.gif", save_all=True, append_images=[photo.rotate(90).quantize(13)], duration=50)
    (FOLDER / "small-frame.gif").write_bytes(small_frame_gif())

    save(photo, "lzw.tif", compression="tiff_lzw")
    save(photo.convert("CMYK"), "cmyk.tif")
    save(wide, "gray16.tif")
    save(alpha, "rgba.tif", compression="tiff_lzw")
    (FOLDER / "rgb16.tif").write_bytes(tiff16(13, 9))
    save(photo, "turned-6.tif", exif=turned(6), compression="tiff_lzw")
    save(photo, "420.avif", quality=80)


def scene(height, width):
    """Smooth colors, hard edges and some noise: what compression and resampling trip over."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 120 * np.sin(x / 9 + y / 17), 127 + 120 * np.cos(x / 5 - y / 11), 127 + 120 * np.sin(x * y / 300)]
    noise = np.random.default_rng(18).normal(0, 8, (height, width, 3))
    image = np.stack(waves, -1) + noise
    image[height // 4 : height // 2, width // 4 : width // 2] = [250, 10, 30]
    image[height // 2 : height // 2 + 6] = [0, 0, 255]
    return np.clip(image, 0, 255).astype(np.uint8)


def turned(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def as_ycck(jpeg):
    """The same data, of which the Adobe marker says that they are luma, chroma and black."""
    marker = jpeg.index(b"\xff\xee\x00\x0eAdobe")
    assert jpeg[marker + 15] == 0
    return jpeg[: marker + 15] + b"\2" + jpeg[marker + 16 :]


def png16(width, height, channels):
    """A PNG of 16 bits a channel with color or alpha, which Pillow cannot write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = noise(height * width * channels * 2, 5).reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    color_type = {2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff16(width, height):
    """An RGB TIFF of 16 bits a channel, which Pillow cannot write."""
    data = noise(height * width * 6, 7).tobytes()
    SHORT, LONG = 3, 4
    depths, pixels = 8, 14  # Their offsets: both stand before the directory.
    entries = [
        (256, SHORT, 1, width),
        (257, SHORT, 1, height),
        (258, SHORT, 3, depths),
        (259, SHORT, 1, 1),  # Not compressed.
        (262, SHORT, 1, 2),  # RGB.
        (273, LONG, 1, pixels),
        (277, SHORT, 1, 3),
        (278, SHORT, 1, height),
        (279, LONG, 1, len(data)),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IHHH", pixels + len(data), 16, 16, 16) + data + directory + bytes(4)


def small_frame_gif():
    """A GIF whose only frame, 3 by 2 pixels with one transparent, leaves most of the 8 by 6 canvas open."""
    palette = bytes(range(10, 10 + 4 * 3))
    codes = [4, 0, 1, 4, 2, 3, 4, 2, 1, 5]  # 4 clears the table, 5 ends; three bits each while the table is small.
    packed = sum(code << (3 * index) for index, code in enumerate(codes)).to_bytes(4, "little")
    return b"".join(
        [
            b"GIF89a" + struct.pack("<HHBBB", 8, 6, 0x81, 0, 0) + palette,
            b"\x21\xf9\x04\x01\0\0\x02\0",
            b"\x2c" + struct.pack("<HHHHB", 4, 1, 3, 2, 0),
            b"\x02" + bytes([len(packed)]) + packed + b"\0\x3b",
        ]
    )


def facts_of(path):
    with Image.open(path) as image:
        mode = image.mode
        rgb = image.convert("RGB")
        upright = ImageOps.exif_transpose(image).convert("RGB")
    cropped = T.CenterCrop(224)(T.Resize(256)(rgb))
    small = T.Grayscale(3)(T.Resize((28, 28))(rgb))
    return {
        "mode": mode,
        "size": rgb.size,
        "rgb": digest(rgb),
        "upright": {"size": upright.size, "rgb": digest(upright)},
        "cropped": digest(cropped),
        "imagenet": digest(normalized(cropped, IMAGENET)),
        "cifar": digest(normalized(T.Resize((32, 32))(rgb), CIFAR)),
        "fashionMnist": digest(normalized(small, FASHION_MNIST)),
    }


def normalized(image, statistics):
    return T.Normalize(*statistics)(T.ToTensor()(image)).numpy()


def resize_cases():
    """height, width, channels, new height, new width, filter, box or None."""
    sizes = [
        (1, 1, 7, 5),
        (7, 5, 1, 1),
        (64, 48, 17, 600),
        (333, 251, 100, 99),
        (40, 1000, 31, 7),
        (1, 300, 9, 20),
        (701, 7, 350, 3),  # More than 100 times as high as wide: Pillow takes the columns first.
        (701, 7, 800, 9),
        (120, 90, 240, 180),
        (45, 61, 45, 20),
        (45, 61, 20, 61),
    ]
    for height, width, new_height, new_width in sizes:
        for channels in (1, 3, 4):
            for name in FILTERS:
                yield height, width, channels, new_height, new_width, name, None
    for box in ((3, 5, 40, 30), (0.25, 1.75, 33.5, 44.125), (10, 20, 10.5, 44), (12, 9, 22, 29)):
        for name in FILTERS:
            yield 45, 61, 3, 20, 10, name, box


def resize_facts(height, width, channels, new_height, new_width, name, box):
    pixels = noise(height * width * channels, 1)
    image = Image.frombytes(MODES[channels], (width, height), pixels.tobytes())
    resized = image.resize((new_width, new_height), FILTERS[name], box)
    sizes = {"from": [height, width, channels], "to": [new_height, new_width]}
    return {**sizes, "filter": name, "box": box, "bytes": digest(resized)}


def pad_cases():
    """height, width, padding, fill, mode."""
    for mode in ("constant", "edge", "reflect", "symmetric"):
        for padding in (2, (1, 3), (0, 1, 2, 4)):
            yield 7, 9, padding, 0, mode
    yield 7, 9, 3, (255, 128, 0), "constant"
    yield 3, 4, 11, 0, "reflect"
    yield 3, 4, 11, 0, "symmetric"
    yield 1, 4, 2, 0, "reflect"


def pad_facts(height, width, padding, fill, mode):
    image = Image.fromarray(noise(height * width * 3, 2).reshape(height, width, 3))
    padded = F.pad(image, padding if isinstance(padding, int) else list(padding), fill, mode)
    return {"from": [height, width], "padding": padding, "fill": fill, "mode": mode, "bytes": digest(padded)}


def noise(count, seed):
    """Bytes without a pattern; test/support/noise.ts makes the same ones."""
    h = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (h >> 24).astype(np.uint8)


def digest(image_or_array):
    return hashlib.sha256(image_or_array.tobytes()).hexdigest()


if __name__ == "__main__":
    main()
