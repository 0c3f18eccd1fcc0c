"""Compare decodeImage() with Pillow's convert('RGB') on all files of a folder.

Prints how many files have which outcome, and the files of each outcome but "equal" and "refused by both".
Needs: pillow and numpy, and a built package. Usage: python scripts/compare_images.py [--source] [--upright] FOLDER...

--source runs lib/ instead of dist/; --upright turns images as their EXIF data say.
"""

import collections
import pathlib
import subprocess
import sys
import warnings

import numpy as np
from PIL import Image, ImageOps

ROOT = pathlib.Path(__file__).parent.parent
SOURCE = ["--conditions=napi-torch-source", "--import", "tsx"]
TOLERANCES = (1, 2, 4, 8, 16)


def main():
    arguments = sys.argv[1:]
    folders = [argument for argument in arguments if not argument.startswith("--")]
    paths = sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*") if path.is_file())
    upright = "--upright" in arguments
    ours = Decoder(SOURCE if "--source" in arguments else [], upright)
    outcomes = collections.defaultdict(list)
    for path in paths:
        outcome, details = compare(ours.decode(path), decode(path, upright))
        outcomes[outcome].append(f"{path}{details and ': '}{details}")
    for outcome, files in sorted(outcomes.items()):
        print(f"{len(files):6} {outcome}")
    for outcome, files in sorted(outcomes.items()):
        if outcome in ("equal", "refused by both"):
            continue
        print(f"\n{outcome}:")
        for line in files:
            print(f"  {line}")


class Decoder:
    """A process that decodes images with this package."""

    def __init__(self, options, upright):
        command = ["node", *options, "scripts/compare_images.mjs", *(["--upright"] if upright else [])]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def decode(self, path):
        self.process.stdin.write(f"{path.resolve()}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode()
        if not line:
            raise SystemExit(f"The process ended at {path}")
        if line.startswith("refused"):
            return line.removeprefix("refused").strip()
        width, height, count = (int(word) for word in line.split())
        return np.frombuffer(self.process.stdout.read(count), np.uint8).reshape(height, width, 3)


def decode(path, upright):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return np.asarray((ImageOps.exif_transpose(image) if upright else image).convert("RGB"))
    except Exception as error:  # Pillow raises nearly every kind.
        return f"{type(error).__name__}: {error}".split("\n", 1)[0]


def compare(ours, pillows):
    if isinstance(ours, str) or isinstance(pillows, str):
        if isinstance(ours, str) and isinstance(pillows, str):
            return "refused by both", ""
        return ("refused by us only", ours) if isinstance(ours, str) else ("refused by Pillow only", pillows)
    if ours.shape != pillows.shape:
        return "differs in size", f"{ours.shape}, Pillow {pillows.shape}"
    difference = np.abs(ours.astype(int) - pillows)
    most = int(difference.max())
    if most == 0:
        return "equal", ""
    share = np.count_nonzero(difference) / difference.size
    bound = next((bound for bound in TOLERANCES if most <= bound), None)
    details = f"by up to {most}, in {share:.1%} of the values"
    return (f"differs by at most {bound}" if bound else f"differs by more than {TOLERANCES[-1]}"), details


if __name__ == "__main__":
    main()
