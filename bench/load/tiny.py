"""Writes 50,000 tensors of 3 elements to a folder, and prints what torch.load takes for them.

    python bench/load/tiny.py FOLDER
    node bench/load/tiny.mjs FOLDER

Files: tiny.pth (zip) and tiny_legacy.pth (before PyTorch 1.6).
"""

import pathlib
import subprocess
import sys

import torch

LOAD = """
import sys, time, torch
def peak(): return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
torch.save({"w": torch.ones(3)}, sys.argv[2]); torch.load(sys.argv[2])
before, start = peak(), time.perf_counter()
kept = torch.load(sys.argv[1])
print(f"{sys.argv[1]}: {1e3 * (time.perf_counter() - start):.0f} ms, {peak() - before:.0f} MiB more at the peak")
"""

folder = pathlib.Path(sys.argv[1])
state = {f"layer{index}.weight": torch.ones(3) for index in range(50_000)}
torch.save(state, folder / "tiny.pth")
torch.save(state, folder / "tiny_legacy.pth", _use_new_zipfile_serialization=False)
for name in ["tiny.pth", "tiny_legacy.pth"]:
    # A process of its own for each: the peak of a process never falls.
    subprocess.run([sys.executable, "-c", LOAD, folder / name, folder / "warm.pth"], check=True)
