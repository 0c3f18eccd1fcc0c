"""Writes PyTorch's own samples of operators (OpInfo) and modules (ModuleInfo), and the backend tests of ONNX, as data that
scripts/parity.ts replays: FOLDER/SUITE.json and FOLDER/SUITE.bin for each suite.

    python scripts/make_parity_suites.py FOLDER < offered.json

Standard input is { "opinfo": [...], "moduleinfo": [...], "onnx": [...] }: the names that this package offers. Of the others only the samples
are counted. ONNX is left out, and its file says so, where the package onnx is not installed.
"""

import json
import pathlib
import random
import sys
import types
import unittest
import warnings

import numpy as np
import torch

try:
    import expecttest  # noqa: F401
except ModuleNotFoundError:
    # torch.testing derives a class from it, which the samples do not need.
    stand_in = types.ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase
    sys.modules["expecttest"] = stand_in

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402
from torch.testing._internal.common_modules import module_db  # noqa: E402

SEED = 20
# Of an operator and a dtype.
MAX_SAMPLES = 1000
# A sample with more elements costs more than it tells.
MAX_ELEMENTS = 20_000
DTYPES = {
    torch.float32: "float32", torch.float64: "float64", torch.float16: "float16", torch.bfloat16: "bfloat16",
    torch.int8: "int8", torch.int16: "int16", torch.int32: "int32", torch.int64: "int64", torch.uint8: "uint8",
    torch.bool: "bool",
}  # fmt: skip


class NoCounterpart(Exception):
    """What a sample holds that JavaScript has no form for."""


class Writer:
    """Collects cases, and the elements of their tensors."""

    def __init__(self):
        self.parts, self.length, self.cases, self.left_out = [], 0, [], {}

    def leave_out(self, name, reason, count=1):
        reasons = self.left_out.setdefault(name, {})
        reasons[reason] = reasons.get(reason, 0) + count

    def add(self, case):
        self.cases.append(case)

    def encode(self, value):
        if isinstance(value, torch.Tensor):
            return self.tensor(value)
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, int):
            return value if abs(value) < 2**53 else {"bigint": str(value)}
        if isinstance(value, float):
            return value if np.isfinite(value) and not (value == 0 and np.signbit(value)) else {"number": str(value)}
        if isinstance(value, torch.dtype) and value in DTYPES:
            return {"dtype": DTYPES[value]}
        if isinstance(value, (list, tuple)):
            return [self.encode(item) for item in value]
        if isinstance(value, dict):
            return {"entries": {key: self.encode(item) for key, item in value.items()}}
        raise NoCounterpart(f"arguments of {type(value).__name__}")

    def tensor(self, tensor):
        if tensor.dtype not in DTYPES:
            raise NoCounterpart(str(tensor.dtype).removeprefix("torch."))
        if tensor.layout != torch.strided:
            raise NoCounterpart(str(tensor.layout).removeprefix("torch."))
        if tensor.numel() > MAX_ELEMENTS:
            raise NoCounterpart(f"over {MAX_ELEMENTS} elements")
        flat = tensor.detach().clone(memory_format=torch.contiguous_format).reshape(-1)
        data = flat.view(torch.uint8).numpy().tobytes() if tensor.numel() > 0 else b""
        entry = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "offset": self.length, "bytes": len(data)}
        padding = b"\0" * (-len(data) % 8)
        self.parts.append(data + padding)
        self.length += len(data) + len(padding)
        return {"tensor": entry}

    def write(self, folder, suite, facts):
        (folder / f"{suite}.bin").write_bytes(b"".join(self.parts))
        content = {**facts, "cases": self.cases, "leftOut": self.left_out}
        (folder / f"{suite}.json").write_text(json.dumps(content, separators=(",", ":")))
        print(f"{suite}: {len(self.cases)} cases, {self.length:,} bytes")


def seed():
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)


def outputs_of(result):
    return list(result) if isinstance(result, (list, tuple)) else [result]


def add_case(writer, name, case, compute):
    """Adds a case with what PyTorch computes; one that PyTorch refuses is left out."""
    try:
        encoded = {key: writer.encode(value) for key, value in case.items()}
    except NoCounterpart as reason:
        writer.leave_out(name, str(reason))
        return
    try:
        results = outputs_of(compute())
    except Exception as error:  # noqa: BLE001: whatever PyTorch throws
        writer.leave_out(name, f"PyTorch throws {type(error).__name__}")
        return
    try:
        writer.add({"name": name, **encoded, "outputs": [writer.encode(result) for result in results]})
    except NoCounterpart as reason:
        writer.leave_out(name, f"outputs of {reason}")


def write_opinfo(folder, offered):
    writer = Writer()
    for info in op_db:
        name = info.name if info.variant_test_name == "" else f"{info.name} ({info.variant_test_name})"
        dtypes = [dtype for dtype in DTYPES if dtype in info.dtypes]
        if info.name not in offered:
            dtype = torch.float32 if torch.float32 in dtypes else next(iter(dtypes), None)
            writer.leave_out(name, "no such operator", count_samples(info, dtype))
            continue
        for dtype in dtypes:
            seed()
            samples = list(info.sample_inputs("cpu", dtype, requires_grad=False))
            random.Random(SEED).shuffle(samples)
            for sample in samples[:MAX_SAMPLES]:
                case = {"input": sample.input, "args": list(sample.args), "kwargs": dict(sample.kwargs)}
                call = lambda: info.op(copied(sample.input), *copied(sample.args), **copied(sample.kwargs))  # noqa: B023, E731
                add_case(writer, info.name, case, call)
    writer.write(folder, "opinfo", {"version": torch.__version__})


def count_samples(info, dtype):
    if dtype is None:
        return 0
    try:
        seed()
        return min(MAX_SAMPLES, sum(1 for _ in info.sample_inputs("cpu", dtype, requires_grad=False)))
    except Exception:  # noqa: BLE001: some need a GPU, or packages
        return 0


def copied(value):
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, (list, tuple)):
        return type(value)(copied(item) for item in value)
    return {key: copied(item) for key, item in value.items()} if isinstance(value, dict) else value


def write_moduleinfo(folder, offered):
    writer = Writer()
    for info in module_db:
        name = info.name.removeprefix("nn.")
        for dtype in [dtype for dtype in DTYPES if dtype in info.dtypes]:
            for training in (False, True):
                seed()
                inputs = info.module_inputs_func(
                    info, device="cpu", dtype=dtype, requires_grad=False, training=training
                )
                if name not in offered:
                    writer.leave_out(name, "no such module", len(inputs))
                    continue
                for each in inputs:
                    add_module(writer, name, info, each, dtype, training)
    writer.write(folder, "moduleinfo", {"version": torch.__version__})


def add_module(writer, name, info, inputs, dtype, training):
    if inputs.forward_input is None:
        return
    kwargs = {key: value for key, value in inputs.constructor_input.kwargs.items() if key not in ("device", "dtype")}
    module = info.module_cls(*inputs.constructor_input.args, **kwargs).to(dtype).train(training)
    # What is 0 or 1 tells nothing apart.
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.25, 1.5)
    if not isinstance(module, torch.nn.modules.lazy.LazyModuleMixin):
        state = {key: value.clone() for key, value in module.state_dict().items()}
        arguments = {"args": list(inputs.constructor_input.args), "kwargs": kwargs}
        forward = {"inputs": list(inputs.forward_input.args), "forwardKwargs": dict(inputs.forward_input.kwargs)}
        case = {**arguments, **forward, "state": state, "training": training, "moduleDtype": dtype}
        call = lambda: module(*copied(inputs.forward_input.args), **copied(inputs.forward_input.kwargs))  # noqa: E731
        add_case(writer, name, case, call)


def write_onnx(folder, offered):
    writer = Writer()
    try:
        import onnx
        from onnx.backend.test.case.node import collect_testcases
    except ModuleNotFoundError:
        writer.write(folder, "onnx", {"version": None})
        return
    for test in collect_testcases(None):
        add_onnx(writer, test.name, test.model, test.data_sets, offered)
    data = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
    for path in sorted(data.glob("*/*/model.onnx")):
        sets = []
        for entry in sorted(path.parent.glob("test_data_set_*")):
            read = lambda kind: [onnx_array(onnx, file) for file in sorted(entry.glob(f"{kind}_*.pb"))]  # noqa: B023, E731
            sets.append((read("input"), read("output")))
        if sets:
            add_onnx(writer, f"{path.parent.parent.name}/{path.parent.name}", onnx.load(path), sets, offered)
    writer.write(folder, "onnx", {"version": onnx.__version__})


def onnx_array(onnx, file):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(file.read_bytes())
    return onnx.numpy_helper.to_array(tensor)


def add_onnx(writer, name, model, data_sets, offered):
    import onnx

    missing = sorted({node.op_type for node in model.graph.node} - set(offered))
    if missing:
        writer.leave_out(" ".join(missing), "no such operator")
        return
    try:
        nodes = [
            {
                "op": node.op_type,
                "inputs": list(node.input),
                "outputs": list(node.output),
            }
            for node in model.graph.node
        ]
        attributes = [{a.name: attribute(onnx, a) for a in node.attribute} for node in model.graph.node]
        constants = {init.name: as_torch(onnx.numpy_helper.to_array(init)) for init in model.graph.initializer}
        versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
        names = [value.name for value in model.graph.input if value.name not in constants]
        for inputs, outputs in data_sets:
            case = {
                "name": name, "nodes": nodes, "opset": versions[0], "inputNames": names,
                "outputNames": [value.name for value in model.graph.output],
                "attributes": writer.encode(attributes), "constants": writer.encode(constants),
                "inputs": [writer.encode(as_torch(value)) for value in inputs],
                "outputs": [writer.encode(as_torch(value)) for value in outputs],
            }  # fmt: skip
            writer.add(case)
    except NoCounterpart as reason:
        writer.leave_out(" ".join(sorted({node.op_type for node in model.graph.node})), str(reason))


def attribute(onnx, proto):
    value = onnx.helper.get_attribute_value(proto)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return as_torch(onnx.numpy_helper.to_array(value))
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [item.decode() if isinstance(item, bytes) else item for item in value]
    return value


def as_torch(value):
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or str(array.dtype).startswith("uint") and array.dtype != np.uint8:
        raise NoCounterpart(str(array.dtype))
    return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    offered = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    write_opinfo(folder, set(offered["opinfo"]))
    write_moduleinfo(folder, set(offered["moduleinfo"]))
    write_onnx(folder, set(offered["onnx"]))


main()
