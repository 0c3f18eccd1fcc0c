"""Writes test/goldens/augmentations.json: digests of what torchvision's random transforms make of images after some seeds.

Run with a Python that has torch 2.13.0, torchvision 0.28.0 and Pillow 12.3: python scripts/make_augmentation_goldens.py
With --seeds N and --cases FILE, whose lines are expressions, it prints digests of other seeds and cases instead.

A case is a Python expression of torchvision; the test has its counterpart. The digest of a case is that of the size and the bytes of
all results, image by image: each image is transformed after each of the seeds. `repr` is how Python prints the transform.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy
import torch

# The transforms need none of torchvision's operators in C++, whose library may be built for another torch.
_OPERATORS = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):
    _OPERATORS.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import torchvision  # noqa: E402
from PIL import Image  # noqa: E402
from torchvision import transforms as T  # noqa: E402
from torchvision.datasets import ImageFolder  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402, F401
from torchvision.transforms import v2  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "test" / "goldens" / "augmentations.json"
SEEDS = range(6)
NAMES = {"T": T, "F": F, "I": T.InterpolationMode, "v2": v2, "A": T.AutoAugmentPolicy}

CASES = """
T.RandomHorizontalFlip()
T.RandomHorizontalFlip(p=0.9)
T.RandomVerticalFlip(p=0.3)
T.RandomCrop(2)
T.RandomCrop((31, 20), padding=4, pad_if_needed=True)
T.RandomCrop(40, padding=(3, 1, 0, 2), pad_if_needed=True, fill=77, padding_mode='constant')
T.RandomCrop(36, padding=2, pad_if_needed=True, padding_mode='edge')
T.RandomResizedCrop(24)
T.RandomResizedCrop((17, 40), scale=(0.5, 0.9), ratio=(0.5, 3.0), interpolation=I.BICUBIC)
T.RandomResizedCrop(9, scale=(0.9, 1.0), ratio=(3.0, 4.0))
T.ColorJitter(brightness=0.5)
T.ColorJitter(contrast=0.9)
T.ColorJitter(saturation=(0.2, 4.0))
T.ColorJitter(hue=0.5)
T.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
T.ColorJitter(brightness=(1.0, 3.0), contrast=(0.0, 0.5), saturation=2.5, hue=(-0.3, 0.1))
T.RandomGrayscale()
T.RandomGrayscale(p=0.7)
T.GaussianBlur(3)
T.GaussianBlur((1, 3), sigma=(0.5, 5.0))
T.RandomRotation(30)
T.RandomRotation((-180, 180), expand=True, fill=9)
T.RandomRotation((90, 90), expand=True)
T.RandomRotation((270, 270))
T.RandomRotation((180, 180))
T.RandomRotation((60, 60), interpolation=I.BILINEAR)
T.RandomRotation((-45, 45), interpolation=I.BILINEAR, fill=128)
T.RandomRotation((-70, 250), interpolation=I.BICUBIC, expand=True)
T.RandomRotation(45, center=(0, 0))
T.RandomAffine(15)
T.RandomAffine(0, translate=(0.3, 0.4))
T.RandomAffine(0, scale=(0.4, 2.5))
T.RandomAffine(20, translate=(0.1, 0.3), scale=(0.5, 1.5), shear=10, fill=50)
T.RandomAffine((-30, 80), shear=(-10, 20, -30, 40), interpolation=I.BILINEAR)
T.RandomAffine(10, scale=(0.8, 1.2), shear=(0, 5), interpolation=I.BICUBIC, center=(3, 5))
T.RandomAffine(0, translate=(1, 1), interpolation=I.BILINEAR, fill=255)
T.RandomAffine(20, scale=(0.0004, 0.002))
T.RandomInvert()
T.RandomPosterize(2)
T.RandomPosterize(5, p=0.9)
T.RandomSolarize(100)
T.RandomSolarize(30.5, p=1)
T.RandomAdjustSharpness(0.3)
T.RandomAdjustSharpness(3, p=1)
T.RandomAutocontrast(p=1)
T.RandomEqualize(p=1)
T.RandAugment()
T.RandAugment(num_ops=3, magnitude=20, num_magnitude_bins=25, interpolation=I.BILINEAR, fill=[90])
T.TrivialAugmentWide()
T.TrivialAugmentWide(num_magnitude_bins=7, interpolation=I.BILINEAR)
T.AutoAugment()
T.AutoAugment(A.CIFAR10, interpolation=I.BILINEAR)
T.AutoAugment(A.SVHN, fill=[30])
T.RandomApply([T.ColorJitter(0.4), T.RandomHorizontalFlip()], p=0.6)
T.Compose([T.RandomApply([T.RandomRotation(20, expand=True)]), T.RandomCrop(20, pad_if_needed=True), T.RandomVerticalFlip()])
T.Compose([T.RandomResizedCrop(20), T.ToTensor(), T.RandomErasing(p=0.8)])
T.Compose([T.Resize((30, 28)), T.ToTensor(), T.RandomErasing(p=1, scale=(0.2, 0.5), ratio=(0.5, 2.0), value='random')])
T.Compose([T.Resize((30, 28)), T.ToTensor(), T.Normalize([0.5], [0.25]), T.RandomErasing(p=1, value=0.75)])
T.Compose([T.Resize((30, 28)), T.ToTensor(), T.RandomErasing(p=1, scale=(0.9, 1.0), ratio=(0.3, 3.3))])
T.Compose([T.RandomResizedCrop(24), T.RandomHorizontalFlip(), T.TrivialAugmentWide(), T.ToTensor(), T.Normalize([0.5], [0.25]), T.RandomErasing()])
""".strip().splitlines()

MIXES = """
v2.MixUp(num_classes=5)
v2.MixUp(alpha=0.2, num_classes=5)
v2.CutMix(num_classes=5)
v2.CutMix(alpha=0.4, num_classes=5)
""".strip().splitlines()


def noise(count, seed):
    """Bytes without a pattern; test/support/vision.ts makes the same ones."""
    h = (numpy.arange(count, dtype=numpy.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (h >> 24).astype(numpy.uint8)


def ramp(height, width, channels):
    """A smooth image: rows, columns and channels rise at speeds of their own."""
    y, x, c = numpy.mgrid[0:height, 0:width, 0:channels]
    return ((3 * x + 5 * y + 40 * c + x * y // 16) % 256).astype(numpy.uint8)


def images():
    """The images, in the order of the test."""
    arrays = [
        noise(37 * 50 * 3, 1).reshape(37, 50, 3),
        ramp(48, 33, 3),
        noise(33 * 21, 2).reshape(33, 21),
        ramp(40, 64, 1)[:, :, 0],
        numpy.full((8, 5, 3), 200, numpy.uint8),
        noise(3 * 2 * 3, 3).reshape(3, 2, 3),
    ]
    return [Image.fromarray(array) for array in arrays]


def digest_of(arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(json.dumps(list(array.shape)).encode())
        digest.update(numpy.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def array_of(value):
    array = value.numpy() if isinstance(value, torch.Tensor) else numpy.asarray(value)
    return array[:, :, None] if array.ndim == 2 else array


def transformed(transform, image, seeds):
    """The digest of what a transform makes of an image; null where torchvision refuses it."""
    arrays = []
    for seed in seeds:
        torch.manual_seed(seed)
        try:
            arrays.append(array_of(transform(image)))
        except (ValueError, RuntimeError, TypeError):
            return None
    return digest_of(arrays)


def mixed(transform, seeds):
    images = torch.from_numpy(noise(4 * 3 * 9 * 7, 4).reshape(4, 3, 9, 7) / 255).float()
    labels = torch.tensor([3, 0, 4, 1])
    arrays = []
    for seed in seeds:
        torch.manual_seed(seed)
        arrays.extend(part.numpy() for part in transform(images, labels))
    return digest_of(arrays)


def pipeline(folder):
    """Digests of the batches of two epochs over a folder of images, by torchvision's training preset."""
    for index, image in enumerate(images()[:4] * 3):
        path = Path(folder) / ("odd" if index % 3 else "even") / f"{index:02}.ppm"
        path.parent.mkdir(exist_ok=True)
        image.convert("RGB").save(path)
    preset = T.Compose(
        [
            T.RandomResizedCrop(224),
            T.RandomHorizontalFlip(),
            T.TrivialAugmentWide(),
            T.ToTensor(),
            T.Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
            T.RandomErasing(0.1),
        ]
    )
    torch.manual_seed(2026)
    loader = torch.utils.data.DataLoader(ImageFolder(folder, preset), batch_size=5, shuffle=True)
    return [
        {"labels": labels.tolist(), "digest": digest_of([batch.numpy()])} for epoch in range(2) for batch, labels in loader
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, help="print the digests of this many seeds instead of writing the file")
    parser.add_argument("--cases", type=Path, help="a file of expressions, one a line")
    arguments = parser.parse_args()
    seeds = SEEDS if arguments.seeds is None else range(arguments.seeds)
    cases = CASES if arguments.cases is None else arguments.cases.read_text().splitlines()
    torch.set_num_threads(1)

    answers = {}
    for case in cases:
        transform = eval(case, dict(NAMES))
        digests = [transformed(transform, image, seeds) for image in images()]
        answers[case] = {"repr": str(transform), "digests": digests}
    mixes = {case: mixed(eval(case, dict(NAMES)), seeds) for case in MIXES}
    header = {"torch": torch.__version__.split("+")[0], "torchvision": torchvision.__version__.split("+")[0]}
    with tempfile.TemporaryDirectory() as folder:
        batches = pipeline(folder)
    answers = {"seeds": len(seeds), "cases": answers, "mixes": mixes, "pipeline": batches}
    text = json.dumps({**header, **answers}, indent=1) + "\n"
    if arguments.seeds is None and arguments.cases is None:
        OUTPUT.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
