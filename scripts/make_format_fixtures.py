"""Writes the small files of test/fixtures/formats: safetensors, torch.save before 1.6, TorchScript and whole modules.

    python scripts/make_format_fixtures.py

Needs torch 2.13, numpy and safetensors 0.8. Beside each file, expected.json lists its tensors as Python gives them: by
dtype, shape and the bytes of their elements in row-major order. Storage names in the legacy files are memory addresses,
and TorchScript archives have random ids, so that a second run writes other bytes that mean the same.
"""

import base64
import collections
import io
import json
import pathlib
import pickle
import struct
import warnings
import zipfile

import torch
from safetensors import torch as safetensors

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "formats"
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PLAIN = "float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 bool".split()
FOREIGN = "uint16 uint32 uint64 complex64 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz".split()


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 3, bias=False)
        self.bn = torch.nn.BatchNorm2d(3)

    def forward(self, x):
        return self.bn(self.conv(x))


class Model(torch.nn.Module):
    """Has all that a state dict must tell apart."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)
        self.stem = Block()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 2, bias=False))
        self.again = self.layers[2]
        self.scale = torch.nn.Parameter(torch.tensor(1.5))
        self.tied = self.layers[0].weight
        self.register_parameter("none", None)
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("dropped", torch.ones(2), persistent=False)
        self.plain = torch.zeros(2)
        self.sizes = [1, 2]
        self.rates = {"a": 1.5}

    def forward(self, x):
        y = self.fc(self.stem(x).mean((2, 3))) * self.scale + self.plain + self.dropped
        return self.again(self.layers(y)) + self.sizes[0] + self.rates["a"] + torch.mv(self.tied, self.plain)


def model():
    torch.manual_seed(18)
    return Model()


def saved(value, **options):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, buffer, **options)
    return buffer.getvalue()


def no_source(_class):
    raise OSError


def legacy(value, **options):
    # The format would take the source code of every module along, and the folder where it lies.
    torch.serialization.get_source_lines_and_file = no_source
    return saved(value, _use_new_zipfile_serialization=False, **options)


def scripted(module):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(module, buffer)
    # Without the entries that say in which folder the source code lies.
    source = zipfile.ZipFile(buffer)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            if not name.endswith(".debug_pkl"):
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.compress_type = source.getinfo(name).compress_type
                archive.writestr(info, source.read(name))
    return target.getvalue()


def tensors():
    base = torch.arange(24, dtype=torch.float32)
    matrix = base.reshape(4, 6)
    return collections.OrderedDict(
        base=base,
        tied=base,
        row=matrix[1],
        column=matrix[:, 2],
        transposed=matrix.t(),
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 3),
        channels_last=torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
    )


def dtypes(names):
    values = torch.tensor([0, 1, 2, 100])
    return collections.OrderedDict((name, values.to(getattr(torch, name))) for name in names)


def big_endian_machine(value):
    """What a big-endian machine would have written: it says so, but converts the data."""
    data = legacy(value)
    little, big = b"\x0d\x00\x00\x00little_endianq\x02\x88", b"\x0d\x00\x00\x00little_endianq\x02\x89"
    assert data.count(little) == 1
    return data.replace(little, big)


class ViewPickler(pickle.Pickler):
    """Names storages as PyTorch before 0.4 did, when a storage could be a view of another."""

    def persistent_id(self, value):
        return value.id if isinstance(value, Storage) else None


class Storage:
    def __init__(self, id):
        self.id = id


class Rebuild:
    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return torch._utils._rebuild_tensor, self.args


def storage_views():
    def storage(view):
        return Storage(("storage", torch.FloatStorage, "root", "cpu", 6, view))

    middle = storage(("view", 2, 3))
    value = collections.OrderedDict(
        whole=Rebuild(storage(None), 0, (2, 3), (3, 1)),
        middle=Rebuild(middle, 0, (3,), (1,)),
        last=Rebuild(middle, 1, (2,), (1,)),
    )
    buffer = io.BytesIO()
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}
    for item in [MAGIC_NUMBER, 1001, system]:
        pickle.dump(item, buffer, 2)
    ViewPickler(buffer, 2).dump(value)
    pickle.dump(["root"], buffer, 2)
    buffer.write(struct.pack("<q6f", 6, *range(6)))
    return buffer.getvalue()


def shards(tensors, count):
    """A checkpoint in several files, as `save_pretrained` of transformers writes it."""
    names = [f"model-{index + 1:05}-of-{count:05}.safetensors" for index in range(count)]
    parts = [{} for _ in names]
    weight_map = {}
    for index, (key, value) in enumerate(tensors.items()):
        parts[index % count][key] = value.contiguous().clone()
        weight_map[key] = names[index % count]
    total = sum(value.numel() * value.element_size() for value in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    files = {
        f"sharded/{name}": safetensors.save(part, {"format": "pt"}) for name, part in zip(names, parts, strict=True)
    }
    return {**files, "sharded/model.safetensors.index.json": json.dumps(index, indent=2).encode() + b"\n"}


def describe(value):
    tensor = value.detach()
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() > 0 else b""
    dtype = str(tensor.dtype).removeprefix("torch.")
    return {"dtype": dtype, "shape": list(tensor.shape), "bytes": base64.b64encode(data).decode()}


def main():
    whole = model()
    parallel = torch.nn.DataParallel(model())
    script = torch.jit.script(model().eval())
    traced = torch.jit.trace(model().eval(), torch.zeros(1, 2, 4, 4))
    quantized = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(2, 2)), dtype=torch.qint8)
    state = whole.state_dict()
    dense = {key: value.contiguous().clone() for key, value in tensors().items()}
    files = {
        "legacy.pth": (legacy(state), state),
        "legacy_protocol1.pth": (legacy(state, pickle_protocol=1), state),
        "legacy_protocol4.pth": (legacy(state, pickle_protocol=4), state),
        "legacy_tensors.pth": (legacy(tensors()), tensors()),
        "legacy_dtypes.pth": (legacy(dtypes(PLAIN)), dtypes(PLAIN)),
        "legacy_big_endian.pth": (big_endian_machine(dtypes(PLAIN)), dtypes(PLAIN)),
        "legacy_views.pth": (storage_views(), torch.load(io.BytesIO(storage_views()), weights_only=False)),
        "legacy_training.pth": (legacy({"epoch": 3, "state_dict": state, "lr": 0.1}), state),
        "legacy_foreign.pth": (legacy(dtypes(FOREIGN)), None),
        "legacy_module.pth": (legacy(whole), state),
        "module.pth": (saved(whole), state),
        "module_parallel.pth": (saved(parallel), parallel.state_dict()),
        "module_training.pth": (saved({"epoch": 3, "ema": None, "model": whole, "optimizer": None}), state),
        "scripted.pt": (scripted(script), script.state_dict()),
        "traced.pt": (scripted(traced), traced.state_dict()),
        "frozen.pt": (scripted(torch.jit.freeze(script)), None),
        "quantized.pt": (scripted(torch.jit.script(quantized)), None),
        "tensors.safetensors": (safetensors.save(dense, {"format": "pt", "note": "é \"quoted\""}), dense),
        "dtypes.safetensors": (safetensors.save(dtypes(PLAIN)), dtypes(PLAIN)),
        "foreign.safetensors": (safetensors.save(dtypes(FOREIGN)), None),
        **{name: (data, None) for name, data in shards(tensors(), 3).items()},
    }
    expected = {}
    for name, (data, values) in files.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if values is not None:
            expected[name] = {key: describe(value) for key, value in values.items()}
    expected["sharded/model.safetensors.index.json"] = {key: describe(value) for key, value in tensors().items()}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
