"""Writes test/fixtures/wild: values that training scripts save, which no reader may take for attacks.

    python scripts/make_wild_values.py

Needs the torch of the tests, nothing else. `allowed.json` is torch's own list of what it loads with weights_only=True.
"""

import argparse
import datetime
import decimal
import enum
import fractions
import functools
import json
import operator
import os
import pathlib
import sys
import types
import uuid

import torch
import torch.distributed.checkpoint as dcp
from torch import nn
from torch._weights_only_unpickler import _get_allowed_globals

FOLDER = pathlib.Path(__file__).parent.parent / "test/fixtures/wild"

# Classes are named by the module that they can be imported from.
module = types.ModuleType("wild_values")
sys.modules["wild_values"] = module


class Color(enum.Enum):
    RED = functools.partial(max, 1)


class Named:
    """Made with named arguments, which go through a partial before protocol 4."""

    def __new__(cls, **kwargs):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"size": 3}


for local in [Color, Named]:
    local.__module__ = "wild_values"
    setattr(module, local.__name__, local)

layer = nn.Linear(1, 1)
optimizer = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9)

VALUES = {
    "types": [int, str, type(None), range, bytes, complex, object, type(Ellipsis), type(NotImplemented)],
    "constants": [Ellipsis, NotImplemented],
    "exceptions": [ValueError("x"), FileNotFoundError(2, "y"), torch.cuda.OutOfMemoryError("z")],
    "functions": [max, min, len, sum, abs, round, sorted, torch.relu, operator.add],
    "partials": [functools.partial(nn.BatchNorm2d, eps=1e-3), functools.partial(max, 1, key=abs)],
    "getters": [operator.itemgetter(1), operator.attrgetter("a.b"), operator.methodcaller("strip", "x"),
                operator.methodcaller("sort", key=3)],
    "a bound method": layer.forward,
    "an enum member": Color.RED,
    "an object with named arguments": Named(),
    "dates": [datetime.datetime(2024, 5, 6), datetime.timedelta(1), datetime.timezone.utc],
    "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3)],
    "a uuid": uuid.UUID(int=5),
    "paths": [pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("c")],
    "a namespace": argparse.Namespace(a=1),
    "an optimizer": optimizer,
    "a schedule": torch.optim.lr_scheduler.LambdaLR(optimizer, functools.partial(max, 1)),
    "a sparse tensor": torch.eye(2).to_sparse(),
    "a sparse CSR tensor": torch.eye(2).to_sparse_csr(),
    "a nested tensor": torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
    "a meta tensor": torch.empty(2, device="meta"),
    "a quantized tensor": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    "a conjugated tensor": torch.ones(2, dtype=torch.complex64).conj(),
    "a slice without elements": torch.empty(0, 6)[:, 1:],
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "allowed.json").write_text(json.dumps(sorted(_get_allowed_globals()), indent=2) + "\n")
    for name, value in VALUES.items():
        for protocol in [2, 4]:
            file = FOLDER / f"{name.replace(' ', '_')}.{protocol}.pth"
            torch.save({"value": value, "beside": torch.arange(2.0)}, file, pickle_protocol=protocol)
    attack = {"value": functools.partial(os.system, "true")}
    torch.save(attack, FOLDER / "attack.pth")
    dcp.save({"model": {"w": torch.arange(4.0), "b": torch.ones(2, 3, dtype=torch.int64)}, "epoch": 3},
             checkpoint_id=str(FOLDER / "distributed"))


main()
