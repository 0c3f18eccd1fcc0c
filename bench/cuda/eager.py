"""Prints the images per second of an eager ResNet-18 on CUDA, from the CPU's memory and back: for bench/cuda.ts.

eager.py BATCH DTYPE MS
"""

import pathlib
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))
from resnet import resnet  # noqa: E402

batch, dtype, milliseconds = int(sys.argv[1]), getattr(torch, sys.argv[2]), float(sys.argv[3])
model = resnet("resnet18").eval().to("cuda", dtype, memory_format=torch.channels_last)
images = torch.randn(batch, 3, 224, 224)


def run() -> None:
    model(images.to("cuda", dtype).contiguous(memory_format=torch.channels_last)).cpu()


with torch.inference_mode():
    for _ in range(5):
        run()
    began, runs = time.perf_counter(), 0
    while (time.perf_counter() - began) * 1000 < milliseconds:
        run()
        runs += 1
print(batch * runs / (time.perf_counter() - began))
