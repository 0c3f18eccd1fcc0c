"""Write the images of bench/decode.ts into a folder: photos of 12 megapixels, and small files that claim to be large.

Needs: pillow and numpy. Usage: python bench/decode/files.py FOLDER
"""

import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 4000, 3000


def main():
    folder = pathlib.Path(sys.argv[1])
    write_photos(folder)
    write_bombs(folder)


def write_photos(folder):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [127 + 90 * np.sin(x / 90 + y / 170), 127 + 90 * np.cos(x / 50 - y / 110), 127 + 90 * np.sin(x * y / 300000)]
    noise = np.random.default_rng(3).normal(0, 6, (HEIGHT, WIDTH, 1))
    photo = Image.fromarray(np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8))
    gray = photo.convert("L")
    wide = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257)
    photo.save(folder / "photo.jpg", quality=85)
    photo.save(folder / "progressive.jpg", quality=85, progressive=True)
    photo.convert("CMYK").save(folder / "cmyk.jpg", quality=85)
    gray.save(folder / "gray.jpg", quality=85)
    photo.save(folder / "photo.png", compress_level=1)
    wide.save(folder / "gray16.png", compress_level=1)
    photo.save(folder / "photo.webp", quality=80, method=0)
    photo.quantize(256, method=Image.Quantize.FASTOCTREE).save(folder / "photo.gif")
    photo.save(folder / "lzw.tif", compression="tiff_lzw")
    photo.save(folder / "deflate.tif", compression="tiff_adobe_deflate")
    photo.convert("CMYK").save(folder / "cmyk.tif")
    wide.save(folder / "gray16.tif")
    photo.save(folder / "photo.avif", quality=60, speed=10)
    photo.save(folder / "photo.bmp")
    photo.save(folder / "photo.ppm")
    (folder / "text.pgm").write_bytes(text_pgm(np.asarray(gray)))


def text_pgm(pixels):
    return b"P2\n%d %d\n255\n" % (WIDTH, HEIGHT) + b" ".join(b"%d" % value for value in pixels.ravel().tolist())


def write_bombs(folder):
    for name, (width, height, depth, color, interlaced) in {
        "wide-rgba16": (20_000_000, 1, 16, 6, 0),
        "wide-gray": (20_000_000, 1, 8, 0, 0),
        "rows-rgba16": (380_000, 230, 16, 6, 0),
        "rows-rgb": (1_300_000, 60, 8, 2, 0),
        "large-rgba16": (9000, 9000, 16, 6, 0),
        "interlaced-rgba16": (9000, 9000, 16, 6, 1),
    }.items():
        header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
        channels = {0: 1, 2: 3, 6: 4}[color]
        rows = (1 + width * channels * depth // 8) * height
        # All but the last rows are there.
        data = zlib.compress(bytes(int(rows * 0.9)), 9)
        (folder / f"bomb-{name}.png").write_bytes(png(header, data))
        (folder / f"bomb-{name}-hollow.png").write_bytes(png(header, b""))
    small = Image.new("RGB", (64, 64))
    for name, options in {"baseline": {}, "progressive": {"progressive": True}}.items():
        small.save(folder / "small.jpg", **options)
        jpeg = bytearray((folder / "small.jpg").read_bytes())
        frame = jpeg.index(b"\xff\xc2" if options else b"\xff\xc0")
        jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 9400, 9400)
        (folder / f"bomb-{name}.jpg").write_bytes(jpeg)
    (folder / "small.jpg").unlink()
    for name, options in {"lossy": {}, "lossless": {"lossless": True}}.items():
        Image.new("RGB", (9400, 9400)).save(folder / "bomb.webp", **options)
        webp = (folder / "bomb.webp").read_bytes()
        cut = webp[: len(webp) // 2]
        cut = cut[:4] + struct.pack("<I", len(cut) - 8) + cut[8:]
        (folder / f"bomb-{name}.webp").write_bytes(cut)
    (folder / "bomb.webp").unlink()
    small.save(folder / "small.avif")
    avif = bytearray((folder / "small.avif").read_bytes())
    size = avif.index(b"ispe") + 8
    avif[size : size + 8] = struct.pack(">II", 9400, 9400)
    (folder / "bomb.avif").write_bytes(avif)
    (folder / "small.avif").unlink()
    small.save(folder / "small.gif")
    gif = bytearray((folder / "small.gif").read_bytes())
    gif[6:10] = struct.pack("<HH", 9400, 9400)
    frame = gif.rindex(b"\x2c\0\0\0\0\x40\0\x40\0")
    gif[frame + 5 : frame + 9] = struct.pack("<HH", 9400, 9400)
    (folder / "bomb.gif").write_bytes(gif)
    (folder / "small.gif").unlink()
    for name, compression in {"deflate": "tiff_adobe_deflate", "lzw": "tiff_lzw", "jpeg": "jpeg"}.items():
        Image.new("RGB", (9400, 9400)).save(folder / "bomb.tif", compression=compression)
        tiff = (folder / "bomb.tif").read_bytes()
        # The directory stands last or first; either way the middle is image data.
        half = len(tiff) // 2
        (folder / f"bomb-{name}.tif").write_bytes(tiff[:half] + b"\0" * (half // 2) + tiff[half + half // 2 :])
    (folder / "bomb.tif").unlink()
    (folder / "bomb.ppm").write_bytes(b"P6 9400 9400 255\n")
    (folder / "bomb.bmp").write_bytes(b"BM" + struct.pack("<IHHIIiiHHIIIIII", 54, 0, 0, 54, 40, 9400, 9400, 1, 24, 0, 0, 0, 0, 0, 0))


def png(header, data):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


if __name__ == "__main__":
    main()
