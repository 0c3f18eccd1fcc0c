"""Writes 50,000 tensors of 3 elements, and a ResNet-18 of 46.8 MB, to a folder, and prints what torch.load takes for them.

    python bench/load/files.py FOLDER
    node bench/load/files.mjs FOLDER

Files: tiny.pth and resnet18.pth (zip), tiny_legacy.pth and resnet18_legacy.pth (before PyTorch 1.6).
"""

import pathlib
import subprocess
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "scripts"))
import resnet

LOAD = """
import sys, time, torch
def peak(): return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
torch.save({"w": torch.ones(3)}, sys.argv[2]); torch.load(sys.argv[2])
before, start = peak(), time.perf_counter()
kept = torch.load(sys.argv[1])
print(f"torch.load {sys.argv[1]}: {1e3 * (time.perf_counter() - start):.0f} ms, {peak() - before:.0f} MiB more at the peak")
"""

folder = pathlib.Path(sys.argv[1])
states = {
    "tiny": {f"layer{index}.weight": torch.ones(3) for index in range(50_000)},
    "resnet18": resnet.ResNet(resnet.BasicBlock, [2, 2, 2, 2]).state_dict(),
}
for name, state in states.items():
    torch.save(state, folder / f"{name}.pth")
    torch.save(state, folder / f"{name}_legacy.pth", _use_new_zipfile_serialization=False)
for name in ["tiny.pth", "tiny_legacy.pth", "resnet18.pth", "resnet18_legacy.pth"]:
    # A process of its own for each: the peak of a process never falls.
    subprocess.run([sys.executable, "-c", LOAD, folder / name, folder / "warm.pth"], check=True)
