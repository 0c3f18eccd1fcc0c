"""A contender's process in Python: what workers/worker.ts is in Node.js, as far as both have it.

python bench/engine/workers/worker.py eager
"""

import base64
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
from networks import load  # noqa: E402

WARMUP = 0.1
MIN_RUNS = 2

# What libraries print must not come between the answers.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def eager(net):
    return net


def folded(net):
    from torch.fx.experimental.optimization import fuse

    return fuse(net).to(memory_format=torch.channels_last)


def compiled(net):
    import torch._inductor.config as inductor
    from torch._inductor.cpp_builder import get_cpp_compiler

    # Says what is missing if it is.
    get_cpp_compiler()
    inductor.freezing = True
    return torch.compile(net)


CONTENDERS = {"eager": eager, "folded": folded, "compiled": compiled}


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Worker:
    def __init__(self, contender):
        self.contender = contender

    def open(self, files, model, shape, threads):
        torch.set_num_threads(threads)
        self.inputs = torch.from_numpy(np.fromfile(files["inputs"], np.float32)).view(-1, *shape)
        before = resident()
        self.net = CONTENDERS[self.contender](load(model, files["weights"]))
        self.channels_last = self.contender == "folded"
        versions = {"torch": torch.__version__, "python": sys.version.split()[0]}
        return {"versions": versions, "compileMs": None, "resident": {"before": before, "after": resident()}}

    def run(self, images):
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        # Freezing goes by it.
        with torch.no_grad() if self.contender == "compiled" else torch.inference_mode():
            return self.net(images).numpy()

    def measure(self, batch, seconds):
        images = self.inputs[:batch]

        def repeat(duration, fewest):
            times = []
            start = last = time.perf_counter()
            while last - start < duration or len(times) < fewest:
                self.run(images)
                now = time.perf_counter()
                times.append((now - last) * 1e3)
                last = now
            return times

        repeat(seconds * WARMUP, 1)
        return repeat(seconds, MIN_RUNS)

    def logits(self, batch, count):
        parts = [np.array(self.run(part)) for part in self.inputs[:count].split(batch)]
        return base64.b64encode(np.concatenate(parts).tobytes()).decode()


worker = Worker(sys.argv[1])
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"result": getattr(worker, request["command"])(**request["options"])}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    print(json.dumps(answer), file=answers)
