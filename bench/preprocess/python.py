"""Prepares a photo that is in memory with Pillow and numpy, once for each line of its input; prints milliseconds.

The first line is JSON: Pillow's version, and the SHA-256 of the result. Argument: the photo.
"""

import hashlib
import json
import sys
import time

import numpy as np
import PIL
from PIL import Image

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def prepare(image):
    """torchvision's Resize(256), CenterCrop(224), ToTensor and Normalize, without torch."""
    width, height = image.size
    short = min(width, height)
    width, height = int(256 * width / short), int(256 * height / short)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    pixels = np.asarray(resized.crop((left, top, left + 224, top + 224)), np.float32)
    return np.ascontiguousarray(((pixels / np.float32(255) - MEAN) / STD).transpose(2, 0, 1))


image = Image.open(sys.argv[1]).convert("RGB")
digest = hashlib.sha256(prepare(image).tobytes()).hexdigest()
print(json.dumps({"pillow": PIL.__version__, "numpy": np.__version__, "digest": digest}), flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    prepare(image)
    print((time.perf_counter() - started) * 1000, flush=True)
