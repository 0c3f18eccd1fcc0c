"""Writes the programs of test/fixtures/pt2 with torch.export, and beside each NAME.pt2 a NAME.json: runs with inputs and outputs.

    python scripts/make_pt2_fixtures.py

Needs torch 2.13 alone. Names of source files and lines are left out, so that the files are the same wherever they are made.
"""

import json
import pathlib
import shutil
import tempfile
import zipfile

import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "pt2"


class Block(nn.Module):
    """The basic block of ResNets, with activations in place, as torchvision has them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(8, 12, 2))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(12, 10)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer1(x))
        return self.fc(torch.flatten(x, 1))


class Trees(nn.Module):
    """Takes a tuple, a dict and a keyword, and gives a dict of a tensor, a tuple and a size."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.scale = torch.tensor([1.0, 2.0, 3.0])

    def forward(self, pair, named, *, shift):
        first, second = pair
        mixed = self.linear(first) * self.scale + named["mask"].to(torch.float32)
        return {"mixed": mixed, "pair": [second + shift, torch.cat([first, second], 1)], "count": first.shape[0]}


class Text(nn.Module):
    """Token numbers through an embedding and a transformer's layer."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.positions = nn.Parameter(torch.randn(12, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
        self.head = nn.Linear(8, 4)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        return self.head(self.layer(x).mean(1))


class Audio(nn.Module):
    """Sound of any length through one-dimensional convolutions."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 6, 9, 4, 4)
        self.norm = nn.BatchNorm1d(6)
        self.mix = nn.Conv1d(6, 6, 3, padding=1, groups=2)
        self.head = nn.Linear(6, 5)

    def forward(self, sound):
        x = F.gelu(self.norm(self.conv(sound)))
        x = F.avg_pool1d(F.silu(self.mix(x)), 2)
        return F.log_softmax(self.head(x.mean(-1)), -1)


class Sizes(nn.Module):
    """Computes with sizes: products, quotients, remainders, and operators that take them."""

    def forward(self, x):
        n, c, h, w = x.shape
        windows = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(n * (h // 2) * (w // 2), c * 4)
        rows = torch.arange(h, dtype=torch.float32) / (h - 1)
        padded = F.pad(x, (0, w % 4, 0, 1))
        return windows.softmax(-1), x * rows[None, None, :, None], padded, F.interpolate(x, size=(h * 2, w + 3))


class Half(nn.Module):
    """Weights of 16 bits, two that are one, and a buffer that is not part of the state dict."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4, dtype=torch.bfloat16)
        self.second = nn.Linear(4, 4, dtype=torch.bfloat16)
        self.second.weight = self.first.weight
        self.register_buffer("offset", torch.arange(4, dtype=torch.bfloat16), persistent=False)

    def forward(self, x):
        return self.second(self.first(x.to(torch.bfloat16)) + self.offset).float()


class Cond(nn.Module):
    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda y: y + 1, lambda y: y - 1, (x,))


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        self.count += 1
        return x + self.count


class Noise(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)


@torch.library.custom_op("fixtures::double", mutates_args=())
def double(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@double.register_fake
def _(x):
    return torch.empty_like(x)


class Custom(nn.Module):
    def forward(self, x):
        return double(x)


def randomized(module):
    """Statistics of batches other than 0 and 1, which would hide mistakes."""
    for buffer in module.buffers():
        if buffer.is_floating_point() and buffer.ndim == 1:
            buffer.uniform_(0.5, 1.5)
    return module.eval()


def described(tree):
    """A tree of tensors as JSON."""
    if isinstance(tree, torch.Tensor):
        values = [float(f"{value:.9g}") for value in tree.detach().double().flatten().tolist()]
        return {"dtype": str(tree.dtype)[6:], "shape": list(tree.shape), "values": values}
    if isinstance(tree, dict):
        return {"dict": {key: described(value) for key, value in tree.items()}}
    if isinstance(tree, (list, tuple)):
        return {"list": [described(value) for value in tree]}
    return {"literal": tree}


def rewrite(path, change):
    """Writes a stored archive anew, its program changed."""
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries:
            if "/sample_inputs/" in name:
                continue
            if name.endswith("models/model.json"):
                program = json.loads(data)
                change(program)
                data = json.dumps(program, separators=(",", ":")).encode()
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)


def without_traces(value):
    """Takes away names of source files, also in the graphs inside nodes."""
    if isinstance(value, dict):
        for key in ("stack_trace", "torch_fn"):
            value.pop(key, None)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            without_traces(item)


def write(name, module, runs, dynamic_shapes=None, decompose=False):
    """Exports `module` for the first of the runs, each a pair of arguments and keywords, and saves what it gives for all."""
    args, kwargs = runs[0]
    program = torch.export.export(module, args, kwargs, dynamic_shapes=dynamic_shapes)
    if decompose:
        program = program.run_decompositions()
    path = FOLDER / f"{name}.pt2"
    with tempfile.TemporaryDirectory() as folder:
        saved = pathlib.Path(folder) / f"{name}.pt2"
        torch.export.save(program, saved)
        rewrite(saved, without_traces)
        shutil.copyfile(saved, path)
    results = []
    for args, kwargs in runs:
        inputs = {"args": described(list(args)), "kwargs": described(kwargs)}
        with torch.no_grad():
            results.append({**inputs, "output": described(program.module()(*args, **kwargs))})
    path.with_suffix(".json").write_text(json.dumps(results) + "\n")


def main():
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    batch = Dim("batch", min=1, max=64)
    images = [((torch.randint(-9, 10, (n, 3, 12, 12)) / 4,), {}) for n in (2, 1, 3)]
    resnet = randomized(Resnet())
    write("resnet", resnet, images, ({0: batch},))
    write("resnet_core", resnet, images, ({0: batch},), decompose=True)

    def trees(n):
        pair = (torch.randn(n, 4), torch.randn(n, 4))
        return ((pair, {"mask": torch.rand(n, 3) > 0.5}), {"shift": torch.arange(4)})

    write("trees", Trees().eval(), [trees(n) for n in (2, 1, 3)], {
        "pair": ({0: batch}, {0: batch}),
        "named": {"mask": {0: batch}},
        "shift": None,
    })
    length = Dim("length", min=2, max=12)
    write(
        "text",
        randomized(Text()),
        [((torch.randint(0, 20, (n, l)),), {}) for n, l in ((2, 7), (1, 3), (5, 12))],
        ({0: batch, 1: length},),
    )
    write("audio", randomized(Audio()), [((torch.randn(n, 1, 8 * l),), {}) for n, l in ((2, 9), (1, 4))], (
        {0: batch, 2: Dim("samples", min=16, max=800)},
    ))
    sides = Dim("rows", min=2, max=50), Dim("columns", min=2, max=50)
    write(
        "sizes",
        Sizes(),
        [((torch.randn(n, 2, h, w),), {}) for n, h, w in ((2, 4, 6), (1, 6, 4))],
        ({0: batch, 2: 2 * sides[0], 3: 2 * sides[1]},),
    )
    write("fixed", nn.Sequential(nn.Linear(4, 3), nn.ReLU()).eval(), [((torch.randn(2, 4),), {})])
    write("half", Half().eval(), [((torch.randn(n, 4),), {}) for n in (2, 3)], ({0: batch},))
    x = [((torch.randn(2, 3),), {})]
    write("refused_cond", Cond(), x)
    write("refused_state", Counter(), x)
    write("refused_random", Noise(), x)
    write("refused_custom", Custom(), x)


if __name__ == "__main__":
    main()
