"""Writes the small checkpoint files of test/fixtures/checkpoint and, beside them, what they hold.

    python scripts/make_checkpoint_fixtures.py

Needs torch 2.13 and numpy. Tensors are described in expected.json by dtype, shape, strides and the bytes of their
elements in row-major order, so that a reader can be compared to the bit. Run twice, it writes the same bytes.
"""

import argparse
import base64
import collections
import datetime
import enum
import io
import json
import pathlib
import pickle
import zipfile

import numpy
import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "checkpoint"


class Phase(enum.Enum):
    TRAIN = 1
    TEST = 2


class Settings:
    class Mode(enum.Enum):
        FAST = "fast"


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, bias=False)
        self.bn = torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4, 2)


def tiny():
    torch.manual_seed(18)
    return Tiny()


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def tensors():
    base = torch.arange(24, dtype=torch.float32)
    matrix = base.reshape(4, 6)
    return collections.OrderedDict(
        base=base,
        tied=base,
        row=matrix[1],
        column=matrix[:, 2],
        transposed=matrix.t(),
        strided=base[1::5],
        expanded=torch.tensor([1.5]).expand(3, 2),
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 3),
        tail=base[24:],
        channels_last=torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
    )


def dtypes():
    values = [-2, -1, 0, 1, 100]
    result = collections.OrderedDict()
    for name in ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64"]:
        result[name] = torch.tensor(values, dtype=getattr(torch, name))
    result["uint8"] = torch.tensor([0, 1, 255], dtype=torch.uint8)
    result["bool"] = torch.tensor([True, False, True])
    return result


def foreign_dtypes():
    result = collections.OrderedDict()
    for name in ["complex64", "complex128", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"]:
        result[name] = torch.zeros(3).to(getattr(torch, name))
    result["quint8"] = torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.quint8)
    return result


def training():
    model = tiny()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model.fc(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    return {
        "epoch": 7,
        "arch": "tiny",
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "best_acc": numpy.float64(94.5),
        "history": {"loss": [numpy.float32(0.5), numpy.float32(0.25)], "top": numpy.arange(6).reshape(2, 3)},
        "args": argparse.Namespace(lr=0.1, data=pathlib.PurePosixPath("/data/images"), phase=Phase.TRAIN),
        "mode": Settings.Mode.FAST,
        "when": datetime.date(2026, 11, 1),
        "seed": 2**70,
        "__proto__": "a plain key",
        "classes": ("shirt", "shoe"),
        "tags": {"a"},
        "device": torch.device("cuda", 0),
        "dtype": torch.float16,
        "raw": b"\x00\xff",
        "counts": collections.Counter("aab"),
        "groups": collections.defaultdict(list, {"x": [1]}),
        "recent": collections.deque([1.5, 2.5], maxlen=3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }


def unchanged(_name, data):
    return data


def rezip(data, method=zipfile.ZIP_STORED, force_zip64=False, root="archive", change=unchanged, drop=()):
    """Writes the entries of an archive again as Python's zipfile does: unaligned, without descriptors."""
    source = zipfile.ZipFile(io.BytesIO(data))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name in source.namelist():
            inner = name.split("/", 1)[1]
            if inner in drop:
                continue
            info = zipfile.ZipInfo(f"{root}/{inner}", (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            with target.open(info, "w", force_zip64=force_zip64) as entry:
                entry.write(change(inner, source.read(name)))
    return buffer.getvalue()


def big_endian(value):
    """What a big-endian machine would have written."""
    sizes = {}
    for index, tensor in enumerate(value.values()):
        sizes[f"data/{index}"] = tensor.element_size()

    def change(name, bytes):
        if name == "byteorder":
            return b"big"
        size = sizes.get(name, 1)
        return b"".join(bytes[at : at + size][::-1] for at in range(0, len(bytes), size))

    return rezip(saved(value), change=change)


def describe(value):
    tensor = value.detach()
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() > 0 else b""
    return {
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "strides": list(tensor.stride()),
        "bytes": base64.b64encode(data).decode(),
    }


def pickles():
    """Plain values in every protocol, with the JSON that says what they are; see test/checkpoint/pickle.test.ts."""

    def same(value):
        return value, value

    def bigints(values):
        return values, [{"bigint": str(value)} for value in values]

    def encoded(value):
        return base64.b64encode(value).decode()

    def byte_strings(values):
        return values, [{"bytes": encoded(value)} for value in values]

    def array(value, dtype, fortran=False):
        shape = list(value.shape)
        data = encoded(value.tobytes(order="A"))
        return value, {"numpy": dtype, "shape": shape, "fortranOrder": fortran, "bytes": data}

    shared = [1]
    cases = {
        "none": same(None),
        "booleans": same([True, False]),
        "small integers": same([0, 255, 256, 65535, 65536, -1, -(2**31), 2**31 - 1]),
        "integers of a double": same([2**31, -(2**31) - 1, 2**53 - 1, -(2**53) + 1]),
        "large integers": bigints([2**53, -(2**63), 2**70, -(2**2100)]),
        "floats": same([0.5, -1e300, 1e-300]),
        "special floats": (
            [float("inf"), float("-inf"), float("nan"), -0.0],
            [{"number": value} for value in ["Infinity", "-Infinity", "NaN", "-0"]],
        ),
        "strings": same(["", "abc", "é", "日本", "😀", "a\nb\\u0041'\"", "x" * 300]),
        "lone surrogates": (["a\ud800b", "\udfff"], [{"utf16": [0x61, 0xD800, 0x62]}, {"utf16": [0xDFFF]}]),
        "bytes": byte_strings([b"", b"\x00\xff\n", b"y" * 300]),
        "bytearray": (bytearray(b"\x00\xff"), {"bytes": "AP8="}),
        "tuples": (
            ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
            {"tuple": [{"tuple": list(range(1, count + 1))} for count in range(5)]},
        ),
        "lists": same([[], [1], [[2]], list(range(1001))]),
        "an empty dict": ({}, {"map": []}),
        "dicts with any keys": (
            {"a": 1, 2: "b", None: 3, "__proto__": 4},
            {"map": [["a", 1], [2, "b"], [None, 3], ["__proto__", 4]]},
        ),
        "a dict of 1,001": ({n: n for n in range(1001)}, {"map": [[n, n] for n in range(1001)]}),
        "sets": ([{1}, frozenset([2])], [{"set": [1]}, {"set": [2]}]),
        "shared values": ([shared, shared], [[1], [1]]),
        "complex": (complex(1, -2), {"object": "builtins.complex", "args": [1, -2]}),
        "an ordered dict": (collections.OrderedDict(b=1, a=2), {"map": [["b", 1], ["a", 2]]}),
        "a counter": (collections.Counter("aab"), {"map": [["a", 2], ["b", 1]]}),
        "a default dict": (collections.defaultdict(list, {"x": [1]}), {"map": [["x", [1]]]}),
        "a deque": (collections.deque([1, 2], 3), [1, 2]),
        "a path": (pathlib.PurePosixPath("a/b"), {"object": "pathlib.PurePosixPath", "args": ["a", "b"]}),
        "a namespace": (
            argparse.Namespace(x=1),
            {"object": "argparse.Namespace", "args": [], "state": {"map": [["x", 1]]}},
        ),
        "a nested enum": (Settings.Mode.FAST, {"object": "__main__.Settings.Mode", "args": ["fast"]}),
        "a class": (argparse.Namespace, {"global": "argparse.Namespace"}),
        "numpy numbers": (
            [numpy.float64(1.5), numpy.float32(0.5), numpy.float16(-2), numpy.int64(-3), numpy.int8(-1)],
            [1.5, 0.5, -2, -3, -1],
        ),
        "other numpy scalars": (
            [numpy.uint64(2**64 - 1), numpy.bool_(True), numpy.str_("hé")],
            [{"bigint": str(2**64 - 1)}, True, "hé"],
        ),
        "a numpy array": array(numpy.arange(6, dtype=numpy.int16).reshape(2, 3), "<i2"),
        "a fortran numpy array": array(numpy.asfortranarray(numpy.arange(4.0).reshape(2, 2)), "<f8", fortran=True),
        "a big-endian numpy array": array(numpy.array([1, 2], dtype=">i4"), ">i4"),
        "a dtype": (torch.float16, {"global": "torch.float16"}),
        "a device": (torch.device("cuda", 1), {"object": "torch.device", "args": ["cuda", 1]}),
        "a size": (torch.Size([1, 2]), {"tuple": [1, 2]}),
    }
    result = []
    for name, (value, expected) in cases.items():
        dumped = {}
        for protocol in range(6):
            try:
                dumped[protocol] = base64.b64encode(pickle.dumps(value, protocol)).decode()
            except TypeError:  # Some types need protocol 2.
                continue
        result.append({"name": name, "expected": expected, "pickles": dumped})
    return result


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = tiny().state_dict()
    wrapped = collections.OrderedDict((f"_orig_mod.module.{key}", value) for key, value in state.items())
    lightning = {f"model.{key}": value for key, value in state.items()}
    newer_entries = ("byteorder", ".format_version", ".storage_alignment", ".data/serialization_id")
    files = {
        "state_dict.pth": saved(state),
        "protocol4.pth": saved(state, pickle_protocol=4),
        "protocol5.pth": saved(state, pickle_protocol=5),
        "wrapped.pth": saved(wrapped),
        "data_parallel.pth": saved(torch.nn.DataParallel(tiny()).state_dict()),
        "training.pth": saved(training()),
        "training5.pth": saved(training(), pickle_protocol=5),
        "lightning.ckpt": saved({"epoch": 1, "pytorch-lightning_version": "2.4", "state_dict": lightning}),
        "nested.pth": saved({"model": {"state_dict": state}, "ema": {key: value + 1 for key, value in state.items()}}),
        "tensors.pth": saved(tensors()),
        "dtypes.pth": saved(dtypes()),
        "foreign_dtypes.pth": saved(foreign_dtypes()),
        "big_endian.pth": big_endian(dtypes()),
        "deflated.pth": rezip(saved(tensors()), zipfile.ZIP_DEFLATED),
        "zip64.pth": rezip(saved(tensors()), force_zip64=True, root="any name"),
        "no_byteorder.pth": rezip(saved(state), drop=newer_entries),
        "whole_module.pth": saved(torch.nn.Sequential(torch.nn.Linear(2, 2))),
        "sparse.pth": saved({"weight": torch.eye(2).to_sparse()}),
    }
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    expected = {
        "state_dict": {key: describe(value) for key, value in state.items()},
        "metadata": {module: dict(facts) for module, facts in state._metadata.items()},
        "tensors": {key: describe(value) for key, value in tensors().items()},
        "dtypes": {key: describe(value) for key, value in dtypes().items()},
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    (FOLDER / "pickles.json").write_text(json.dumps(pickles(), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
