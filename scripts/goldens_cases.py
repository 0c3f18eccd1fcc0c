"""The operator cases of the goldens, by family: each yields (operator, case, inputs, options, outputs)."""

import re

import torch
from torch import nn
from torch.nn import functional as F

from goldens_format import formula_tensor

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
INTEGERS = [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8]
DTYPES = [*FLOATS, *INTEGERS, torch.bool]


def f(*shape, name="f", scale=2.0, shift=0.0, dtype=torch.float32):
    """Numbers around 0 by formula; those of integer dtypes are whole and unsigned ones not negative."""
    if dtype.is_floating_point:
        return formula_tensor(name, shape, scale, shift).to(dtype)
    whole = (formula_tensor(name, shape, 50, 50.5 if dtype is torch.uint8 else 0.5)).floor()
    return whole > 0 if dtype is torch.bool else whole.to(dtype)


def dtype_name(dtype):
    return str(dtype).removeprefix("torch.")


def snake(options):
    """PyTorch's spelling of options in camelCase; a dtype is named."""
    names = {re.sub(r"[A-Z]", lambda capital: "_" + capital[0].lower(), key): value for key, value in options.items()}
    if isinstance(names.get("dtype"), str):
        names["dtype"] = getattr(torch, names["dtype"])
    return names


def laid_out(name, tensor):
    """The tensor in the memory layout that the case's name says; test/support/operators.ts does the same."""
    reorders = "channels last" in name and tensor is not None and tensor.dim() == 4
    return tensor.contiguous(memory_format=torch.channels_last) if reorders else tensor


def output(function, op, name, inputs, options=None):
    options = options or {}
    result = function(**{role: laid_out(name, tensor) for role, tensor in inputs.items()}, **snake(options))
    return op, name, inputs, options, {"output": result}


def method(op, name, tensor, *others, **options):
    """A method of the first tensor, such as `add_`, in PyTorch's spelling; others follow as `other`."""
    inputs = {"input": tensor, **{"other": other for other in others}}
    called = getattr(laid_out(name, tensor).clone(), re.sub(r"[A-Z]", lambda capital: "_" + capital[0].lower(), op))
    return op, name, inputs, options, {"output": called(*(laid_out(name, other) for other in others), **snake(options))}


def conv():
    def case(name, input_shape, weight_shape, bias=True, dtype=torch.float32, **options):
        inputs = {"input": f(*input_shape, dtype=dtype), "weight": f(*weight_shape, name="weight", scale=0.3, dtype=dtype)}
        if bias:
            inputs["bias"] = f(weight_shape[0], name="bias", dtype=dtype)
        return output(F.conv2d, "conv2d", name, inputs, options)

    yield case("1×1", (2, 3, 5, 6), (4, 3, 1, 1))
    yield case("1×1 with stride 2, as in a shortcut", (2, 8, 7, 8), (16, 8, 1, 1), bias=False, stride=2)
    yield case("3×3 without padding", (2, 3, 8, 9), (4, 3, 3, 3))
    yield case("3×3 with padding 1, as in a block", (2, 8, 8, 9), (8, 8, 3, 3), bias=False, padding=1)
    yield case("3×3 with stride 2, as at a stage's start", (1, 8, 9, 9), (16, 8, 3, 3), bias=False, stride=2, padding=1)
    yield case("5×5", (1, 3, 9, 9), (4, 3, 5, 5), padding=2)
    yield case("7×7 with stride 2, as in the stem", (1, 3, 33, 40), (8, 3, 7, 7), bias=False, stride=2, padding=3)
    yield case("unequal kernel, stride and padding", (2, 3, 11, 8), (4, 3, 3, 2), stride=[2, 1], padding=[1, 0])
    yield case("an even kernel", (1, 2, 8, 8), (3, 2, 4, 4), padding=1)
    yield case("dilation 2", (1, 3, 12, 12), (4, 3, 3, 3), padding=2, dilation=2)
    yield case("unequal dilation", (1, 3, 12, 12), (4, 3, 3, 3), dilation=[1, 3])
    yield case("two groups", (2, 4, 7, 7), (6, 2, 3, 3), padding=1, groups=2)
    yield case("32 groups, as in ResNeXt", (1, 64, 6, 6), (64, 2, 3, 3), bias=False, padding=1, groups=32)
    yield case("depthwise", (1, 6, 7, 7), (6, 1, 3, 3), padding=1, groups=6)
    yield case("depthwise with two outputs each", (1, 4, 7, 7), (8, 1, 3, 3), padding=1, groups=4)
    yield case("padding 'same'", (1, 3, 7, 8), (4, 3, 3, 3), padding="same")
    yield case("padding 'same' of an even kernel", (1, 3, 7, 8), (4, 3, 4, 2), padding="same")
    yield case("padding 'same' with dilation", (1, 3, 9, 9), (4, 3, 3, 3), padding="same", dilation=2)
    yield case("padding 'valid'", (1, 3, 7, 8), (4, 3, 3, 3), padding="valid")
    yield case("a kernel as large as the image", (2, 3, 5, 5), (4, 3, 5, 5))
    yield case("an image without a batch", (3, 6, 7), (4, 3, 3, 3), padding=1)
    yield case("an empty batch", (0, 3, 6, 7), (4, 3, 3, 3), padding=1)
    for dtype in FLOATS[1:]:
        yield case(dtype_name(dtype), (2, 8, 8, 9), (8, 8, 3, 3), dtype=dtype, padding=1)
    yield case("channels last", (2, 8, 9, 7), (8, 8, 3, 3), padding=1)


def norm():
    def case(name, shape, training=False, affine=True, statistics=True, dtype=torch.float32, **options):
        channels = (shape[1],)
        inputs = {"input": f(*shape, scale=3.0, shift=1.0, dtype=dtype)}
        inputs["running_mean"] = f(*channels, name="mean", dtype=dtype) if statistics else None
        inputs["running_var"] = f(*channels, name="var", scale=0.5, shift=1.0, dtype=dtype) if statistics else None
        if affine:
            inputs["weight"] = f(*channels, name="weight", dtype=dtype)
            inputs["bias"] = f(*channels, name="bias", dtype=dtype)
        options = {"training": training, **options}
        called = {role: tensor if tensor is None else laid_out(name, tensor).clone() for role, tensor in inputs.items()}
        outputs = {"output": F.batch_norm(**called, **options)}
        if training and statistics:
            outputs |= {"new_running_mean": called["running_mean"], "new_running_var": called["running_var"]}
        stored = {role: tensor for role, tensor in inputs.items() if tensor is not None}
        return "batchNorm", name, stored, options, outputs

    def layer(name, batches, **options):
        module = nn.BatchNorm2d(3, **snake(options))
        inputs = {}
        for index in range(batches):
            inputs[f"input{index}"] = f(2, 3, 4, 5, name=f"batch{index}", scale=1.0 + index, shift=index)
            result = module(inputs[f"input{index}"])
        outputs = {"output": result, **{role.replace(".", "_"): value for role, value in module.state_dict().items()}}
        return "BatchNorm2d", name, inputs, options, outputs

    yield case("evaluation", (2, 5, 4, 3))
    yield case("evaluation without scale and shift", (2, 5, 4, 3), affine=False)
    yield case("evaluation with eps 0.1", (2, 5, 4, 3), eps=0.1)
    yield case("evaluation of (N, C)", (4, 5))
    yield case("evaluation of (N, C, L)", (4, 5, 3))
    yield case("evaluation of an empty batch", (0, 5, 4, 3))
    yield case("channels last", (2, 8, 4, 3))
    yield case("training", (2, 5, 4, 3), training=True)
    yield case("training with momentum 0.5", (2, 5, 4, 3), training=True, momentum=0.5)
    yield case("training with momentum 0", (2, 5, 4, 3), training=True, momentum=0.0)
    yield case("training without running statistics", (2, 5, 4, 3), training=True, statistics=False)
    yield case("training without scale and shift", (2, 5, 4, 3), training=True, affine=False)
    for dtype in FLOATS[1:]:
        yield case(f"evaluation of {dtype_name(dtype)}", (2, 5, 4, 3), dtype=dtype)
    yield layer("three training batches", 3)
    yield layer("three training batches, momentum null", 3, momentum=None)
    yield layer("two training batches, not affine", 2, affine=False)
    yield layer("two training batches without running statistics", 2, trackRunningStats=False)


def linear():
    def case(name, input_shape, weight_shape, bias=True, dtype=torch.float32):
        inputs = {"input": f(*input_shape, dtype=dtype), "weight": f(*weight_shape, name="weight", dtype=dtype)}
        if bias:
            inputs["bias"] = f(weight_shape[0], name="bias", dtype=dtype)
        return output(F.linear, "linear", name, inputs)

    yield case("a batch", (4, 6), (3, 6))
    yield case("a batch without bias", (4, 6), (3, 6), bias=False)
    yield case("one sample without a batch", (6,), (3, 6))
    yield case("three dimensions", (2, 3, 6), (4, 6))
    yield case("an empty batch", (0, 6), (3, 6))
    yield case("512 features, as in the head", (2, 512), (10, 512))
    for dtype in FLOATS[1:]:
        yield case(dtype_name(dtype), (4, 6), (3, 6), dtype=dtype)


def activation():
    for dtype in [*FLOATS, *INTEGERS]:
        yield output(F.relu, "relu", dtype_name(dtype), {"input": f(3, 7, dtype=dtype)})
    yield output(F.relu, "relu", "NaN, zeros and infinities", {"input": extremes()})
    yield output(lambda input: F.relu_(input.clone()), "relu_", "in place", {"input": f(3, 7)})
    for op, function in [("softmax", F.softmax), ("logSoftmax", F.log_softmax)]:
        for dim in [0, 1, -1]:
            yield output(function, op, f"dimension {dim}", {"input": f(2, 3, 5)}, {"dim": dim})
        yield output(function, op, "logits as large as 1e4", {"input": f(4, 10, scale=1e4)}, {"dim": 1})
        yield output(function, op, "int32 as float32", {"input": f(2, 5, dtype=torch.int32)}, {"dim": 1, "dtype": "float32"})
        for dtype in FLOATS[1:]:
            yield output(function, op, dtype_name(dtype), {"input": f(2, 9, dtype=dtype)}, {"dim": 1})
    for training, p in [(False, 0.5), (True, 0.0), (True, 1.0)]:
        name = f"{'training' if training else 'evaluation'} with p {p:g}"
        yield output(F.dropout, "dropout", name, {"input": f(3, 4)}, {"p": p, "training": training})


def pooling():
    def case(op, function, name, shape, dtype=torch.float32, **options):
        return output(function, op, name, {"input": f(*shape, dtype=dtype)}, options)

    def both(name, shape, **options):
        yield case("maxPool2d", F.max_pool2d, name, shape, **options)
        yield case("avgPool2d", F.avg_pool2d, name, shape, **options)

    yield from both("2×2", (2, 3, 6, 8), kernelSize=2)
    yield from both("3×3 with stride 2 and padding 1", (2, 3, 9, 10), kernelSize=3, stride=2, padding=1)
    yield from both("windows that overlap", (1, 2, 6, 7), kernelSize=3, stride=1)
    yield from both("unequal sizes", (1, 2, 9, 8), kernelSize=[3, 2], stride=[2, 3], padding=[1, 0])
    yield from both("rounded up", (1, 2, 8, 9), kernelSize=3, stride=2, ceilMode=True)
    yield from both("rounded up with padding", (1, 2, 7, 10), kernelSize=3, stride=2, padding=1, ceilMode=True)
    yield from both("an image without a batch", (3, 6, 6), kernelSize=2)
    yield from both("an empty batch", (0, 3, 6, 6), kernelSize=2)
    yield from both("channels last", (2, 8, 6, 6), kernelSize=2)
    yield case("maxPool2d", F.max_pool2d, "dilation 2", (1, 2, 9, 9), kernelSize=3, stride=1, dilation=2)
    yield case("avgPool2d", F.avg_pool2d, "4×4, as after the CIFAR stages", (2, 8, 4, 4), kernelSize=4)
    yield case("avgPool2d", F.avg_pool2d, "padding not counted", (1, 2, 7, 7), kernelSize=3, padding=1, countIncludePad=False)
    yield case("avgPool2d", F.avg_pool2d, "divisor 5", (1, 2, 6, 6), kernelSize=2, divisorOverride=5)
    for size in [1, 3, [2, 5], [None, 2], [9, 9]]:
        name = f"to {str(size).replace('None', 'null')}"
        yield case("adaptiveAvgPool2d", F.adaptive_avg_pool2d, name, (2, 3, 7, 8), outputSize=size)
    yield case("adaptiveAvgPool2d", F.adaptive_avg_pool2d, "an image without a batch", (3, 7, 8), outputSize=2)
    yield case("adaptiveAvgPool2d", F.adaptive_avg_pool2d, "channels last", (2, 8, 7, 8), outputSize=1)
    for dtype in FLOATS[1:]:
        for op, function in [("maxPool2d", F.max_pool2d), ("avgPool2d", F.avg_pool2d)]:
            yield case(op, function, dtype_name(dtype), (2, 3, 6, 8), dtype, kernelSize=2)
        yield case("adaptiveAvgPool2d", F.adaptive_avg_pool2d, dtype_name(dtype), (2, 3, 7, 8), dtype, outputSize=1)


def arithmetic():
    def b(dtype=torch.float32, shape=(3, 4)):
        return f(*shape, name="other", dtype=dtype)

    for op in ["add", "sub", "mul", "div"]:
        yield method(op, "two tensors", f(3, 4), b())
        yield method(op, "a row to each row", f(3, 4), b(shape=(4,)))
        yield method(op, "a column and a row", f(3, 1), b(shape=(1, 4)))
        yield method(op, "a scalar tensor", f(3, 4), b(shape=()))
        yield method(op, "an empty tensor", f(0, 4), b(shape=(4,)))
        yield method(op, "channels last", f(2, 8, 3, 3), b(shape=(2, 8, 3, 3)))
        for dtype in [*FLOATS[1:], torch.int8, torch.int32, torch.int64]:
            yield method(op, dtype_name(dtype), f(3, 4, dtype=dtype), b(dtype).where(b(dtype) != 0, 3))
        yield method(op, "int64 and float32", f(3, 4, dtype=torch.int64), b())
        yield method(op, "bfloat16 and float64", f(3, 4, dtype=torch.bfloat16), b(torch.float64))
        yield method(op + "_", "in place", f(3, 4), b())
    for op in ["add", "sub", "add_", "sub_"]:
        yield method(op, "alpha -2.5", f(3, 4), b(), alpha=-2.5)
        yield method(op, "alpha 3 of int32", f(3, 4, dtype=torch.int32), b(torch.int32), alpha=3)
    for mode in ["trunc", "floor"]:
        yield method("div", f"rounding {mode}", f(3, 4), b(), roundingMode=mode)
        signed = f(3, 4, dtype=torch.int32)
        yield method("div", f"rounding {mode} of int32", signed, b(torch.int32).where(b(torch.int32) != 0, 3), roundingMode=mode)
    yield method("div", "by zero", f(4), torch.tensor([0.0, -0.0, 1.0, 0.0]))
    yield method("pow", "exponents of a tensor", f(3, 4).abs(), b())

    for name, left, right in [
        ("two vectors", (5,), (5,)),
        ("two matrices", (3, 5), (5, 4)),
        ("a matrix and a vector", (3, 5), (5,)),
        ("a vector and a matrix", (5,), (5, 4)),
        ("two batches", (2, 3, 5), (2, 5, 4)),
        ("a batch and a matrix", (2, 3, 5), (5, 4)),
        ("batches that broadcast", (2, 1, 3, 5), (4, 5, 2)),
        ("an inner size of 0", (3, 0), (0, 4)),
    ]:
        yield method("matmul", name, f(*left), b(shape=right))
    for dtype in [*FLOATS[1:], torch.int64]:
        yield method("matmul", dtype_name(dtype), f(3, 5, dtype=dtype), b(dtype, (5, 4)))

    for op in ["neg", "abs", "exp", "sigmoid", "tanh"]:
        for dtype in FLOATS:
            yield method(op, dtype_name(dtype), f(3, 4, dtype=dtype))
        yield method(op, "NaN, zeros and infinities", extremes())
    for op in ["sqrt", "log"]:
        for dtype in FLOATS:
            yield method(op, dtype_name(dtype), f(3, 4, dtype=dtype).abs())
        yield method(op, "NaN, zeros and infinities", extremes())
    for op in ["neg", "abs"]:
        yield method(op, "int32", f(3, 4, dtype=torch.int32))
    for op in ["isnan", "isfinite"]:
        yield method(op, "NaN, zeros and infinities", extremes())
    for op in ["eq", "ne", "lt", "le", "gt", "ge"]:
        yield method(op, "with NaN and infinities", extremes(), torch.tensor([0.0, 0.0, 1.0, float("inf"), 5.0, float("nan")]))
        yield method(op, "int64", torch.tensor([1, 2, 2**60 + 1]), torch.tensor([1, 3, 2**60]))
    yield method("clamp", "both limits", f(3, 4), min=-0.5, max=0.75)
    yield method("clamp", "the lower limit", f(3, 4), min=-0.5)
    yield method("clamp", "the upper limit", extremes(), max=0.75)


def reduce():
    for op in ["sum", "mean"]:
        yield method(op, "all elements", f(3, 4, 5))
        for dim in [0, -1, [0, 2], [1, 2]]:
            yield method(op, f"dimension {dim}", f(3, 4, 5), dim=dim)
        yield method(op, "kept dimensions", f(3, 4, 5), dim=[0, 2], keepdim=True)
        yield method(op, "float32 as float64", f(3, 4), dtype="float64")
        yield method(op, "an empty tensor", f(0, 4))
        yield method(op, "channels last", f(2, 8, 3, 3), dim=[2, 3])
        for dtype in FLOATS[1:]:
            yield method(op, dtype_name(dtype), f(3, 4, dtype=dtype), dim=1)
    for dtype in [*INTEGERS, torch.bool]:
        yield method("sum", f"{dtype_name(dtype)} as int64", f(3, 4, dtype=dtype))
    yield method("mean", "int64 as float32", f(3, 4, dtype=torch.int64), dtype="float32")
    for op, function in [("max", torch.amax), ("min", torch.amin)]:
        yield output(function, op, "all elements", {"input": f(3, 4, 5)}, {})
        yield output(function, op, "dimension 1", {"input": f(3, 4, 5)}, {"dim": 1})
        yield output(function, op, "a kept dimension", {"input": f(3, 4, 5)}, {"dim": -1, "keepdim": True})
        yield output(function, op, "NaN among the elements", {"input": extremes()}, {})
        yield output(function, op, "int64", {"input": f(3, 4, dtype=torch.int64)}, {"dim": 0})
    yield method("argmax", "all elements", f(3, 4, 5))
    yield method("argmax", "dimension 1", f(3, 4, 5), dim=1)
    yield method("argmax", "a kept dimension", f(3, 4, 5), dim=-1, keepdim=True)
    yield method("argmax", "NaN among the elements", extremes())
    yield method("argmax", "int32", f(3, 4, dtype=torch.int32), dim=0)
    for name, options in [
        ("the three largest", {"k": 3}),
        ("the two smallest", {"k": 2, "largest": False}),
        ("along dimension 0", {"k": 2, "dim": 0}),
        ("all", {"k": 7}),
        ("none", {"k": 0}),
    ]:
        values, indices = torch.topk(f(4, 7), **options)
        yield "topk", name, {"input": f(4, 7)}, options, {"values": values, "indices": indices}


def shape():
    x = f(2, 3, 4, 5)
    yield output(torch.permute, "permute", "reversed", {"input": x}, {"dims": [3, 2, 1, 0]})
    yield output(torch.permute, "permute", "to the last, with a negative index", {"input": x}, {"dims": [0, 2, 3, -3]})
    yield output(torch.transpose, "transpose", "1 and -1", {"input": x}, {"dim0": 1, "dim1": -1})
    yield output(torch.flatten, "flatten", "all", {"input": x})
    yield output(torch.flatten, "flatten", "from 1", {"input": x}, {"startDim": 1})
    yield output(torch.flatten, "flatten", "1 to 2", {"input": x}, {"startDim": 1, "endDim": 2})
    yield output(torch.flatten, "flatten", "channels last", {"input": f(2, 8, 3, 3)}, {"startDim": 1})
    yield output(torch.reshape, "reshape", "with a free size", {"input": x}, {"shape": [6, -1]})
    yield output(lambda input, shape: input.view(shape), "view", "to one dimension more", {"input": x}, {"shape": [2, 3, 2, 2, 5]})
    yield output(torch.squeeze, "squeeze", "all", {"input": f(1, 3, 1, 4)})
    yield output(torch.squeeze, "squeeze", "one", {"input": f(1, 3, 1, 4)}, {"dim": 2})
    yield output(torch.unsqueeze, "unsqueeze", "before the first", {"input": x}, {"dim": 0})
    yield output(torch.unsqueeze, "unsqueeze", "after the last", {"input": x}, {"dim": -1})
    yield output(lambda input, shape: input.expand(shape), "expand", "a row", {"input": f(1, 4)}, {"shape": [2, 3, -1]})
    yield output(lambda input, dim, index: input.select(dim, index), "select", "the last", {"input": x}, {"dim": 1, "index": -1})
    for name, cut in [("a middle", (1, 3, 1)), ("every second", (0, None, 2)), ("the last two", (-2, None, 1)), ("none", (3, 1, 1))]:
        start, end, step = cut
        options = {"dim": 2, "start": start, "end": end, "step": step}
        yield output(lambda input, dim, start, end, step: input[:, :, start:end:step], "slice", name, {"input": x}, options)
    yield output(torch.narrow, "narrow", "two rows", {"input": x}, {"dim": 2, "start": 1, "length": 2})
    index = torch.tensor([2, 0, 2])
    yield output(torch.index_select, "indexSelect", "with repetition", {"input": x, "index": index}, {"dim": 1})
    yield output(torch.flip, "flip", "two dimensions", {"input": x}, {"dims": [1, -1]})
    for op, function in [("cat", torch.cat), ("stack", torch.stack)]:
        for dim in [0, 1, -1]:
            pair = {"input": f(2, 3), "other": f(2, 3, name="other")}
            yield op, f"dimension {dim}", pair, {"dim": dim}, {"output": function(list(pair.values()), dim=dim)}
    pair = {"input": f(2, 3, dtype=torch.int64), "other": f(2, 3)}
    yield "cat", "int64 and float32", pair, {"dim": 0}, {"output": torch.cat(list(pair.values()))}
    yield output(F.pad, "pad", "two dimensions", {"input": x}, {"pad": [1, 2, 0, 3], "value": 0.5})
    yield output(F.pad, "pad", "cutting", {"input": x}, {"pad": [-1, 1]})
    for source in DTYPES:
        for target in DTYPES:
            if source is not target:
                name = f"{dtype_name(source)} to {dtype_name(target)}"
                # To unsigned integers a negative number has no one answer.
                start = f(2, 5, dtype=source, scale=40.0) if source.is_floating_point else f(2, 5, dtype=source)
                start = start.abs() if target is torch.uint8 and source is not torch.bool else start
                options = {"dtype": dtype_name(target)}
                yield output(lambda input, dtype: input.to(dtype), "to", name, {"input": start}, options)


def extremes():
    return torch.tensor([float("nan"), 0.0, -0.0, float("inf"), -float("inf"), 1.5])


FAMILIES = {
    "conv": conv, "norm": norm, "linear": linear, "activation": activation, "pooling": pooling,
    "arithmetic": arithmetic, "reduce": reduce, "shape": shape,
}  # fmt: skip
