"""One load of a checkpoint by PyTorch, in a process of its own; bench/load.ts starts it and reads the JSON it prints.

python bench/load/python.py STARTED FILE '{"mmap": true, "assign": true}'

With `assign` the model is made on the meta device, as its own tensors are never used.
"""

import json
import re
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import resnet  # noqa: E402

started, file, options = sys.argv[1:]
mmap, assign = (json.loads(options)[name] for name in ("mmap", "assign"))
startup = time.time() * 1e3 - float(started)


def status(name):
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) * 1024


def timed(body):
    start = time.perf_counter()
    result = body()
    return (time.perf_counter() - start) * 1e3, result


def make():
    with torch.device("meta") if assign else nullcontext():
        return resnet.resnet("resnet18")


def total(net):
    state = net.state_dict().items()
    return sum(tensor.sum(dtype=torch.float64).item() for key, tensor in state if not key.endswith("num_batches_tracked"))


before = status("VmRSS")
model, net = timed(make)
with_model = status("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
load, state = timed(lambda: torch.load(file, mmap=mmap, weights_only=True))
load_state_dict, _ = timed(lambda: net.load_state_dict(state, assign=assign))
peak = status("VmHWM")
torch.set_num_threads(1)
with torch.inference_mode():
    touch, result = timed(lambda: total(net))

print(
    json.dumps(
        {
            "startup": startup,
            "model": model,
            "load": load,
            "loadStateDict": load_state_dict,
            "touch": touch,
            "gap": None,
            "sum": result,
            "extra": peak - with_model,
            "extraWithModel": peak - before,
            "torch": torch.__version__,
        }
    )
)
