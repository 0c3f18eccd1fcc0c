"""Writes test/goldens/format.json: how PyTorch prints tensors of many shapes, dtypes and magnitudes.

Run with a Python that has torch 2.13: python scripts/make_format_goldens.py

A case holds its elements as text, separated by blanks and in JavaScript's spelling, or, for large tensors, a `step`:
element i of the flattened tensor is then i * step, exactly.
"""

import json
import math
import pathlib

import torch

TARGET = pathlib.Path(__file__).parent.parent / "test" / "goldens" / "format.json"


def js_text(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def case(name, tensor, step=None):
    entry = {"name": name, "shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
    if isinstance(tensor, torch.nn.Parameter):
        entry["parameter"] = True
    if tensor.requires_grad:
        entry["requiresGrad"] = True
    if step is None:
        entry["values"] = " ".join(js_text(value) for value in tensor.detach().reshape(-1).tolist())
    else:
        entry["step"] = step
    entry["text"] = repr(tensor)
    return entry


def stepped(name, shape, dtype, step=1):
    return case(name, (torch.arange(math.prod(shape), dtype=torch.float64) * step).to(dtype).reshape(shape), step)


def written_cases():
    t = torch.tensor
    nan, inf = math.nan, math.inf
    yield case("a scalar", t(3.25))
    yield case("a whole scalar", t(7.0))
    yield case("a negative zero scalar", t(-0.0))
    yield case("a tiny scalar", t(1e-7))
    yield case("a NaN scalar", t(nan))
    yield case("a scalar int64", t(-12))
    yield case("a scalar uint8", t(200, dtype=torch.uint8))
    yield case("a scalar bool", t(True))
    yield case("a scalar bfloat16", t(0.1, dtype=torch.bfloat16))
    for shape in [(0,), (0, 3), (2, 0), (2, 0, 5)]:
        for dtype in [torch.float32, torch.int64, torch.bool, torch.float16]:
            yield case(f"an empty {dtype} of {shape}", torch.zeros(shape, dtype=dtype))

    yield case("whole floats", t([1.0, -2.0, 300.0]))
    yield case("whole floats with a negative zero", t([-0.0, 5.0, 0.0]))
    yield case("whole floats with NaN and infinities", t([nan, 1.0, inf, -inf]))
    yield case("wide whole floats with NaN and infinities", t([nan, 12345.0, inf, -inf, 99.0]))
    yield case("only zeros", torch.zeros(2, 3))
    yield case("only negative zeros", -torch.zeros(3))
    yield case("only NaN and infinities", t([nan, inf, -inf, 0.0]))
    yield case("fractions with a negative zero", t([-0.0, 0.5, 0.25]))
    yield case("fractions with NaN and infinities", t([nan, 0.5, inf, -inf]))
    yield case("halves of the last place, rounded to even", t([0.03125, 0.09375, -0.15625, 0.21875, 0.28125]))
    yield case("a float64 halfway, rounded to even", t([1024.03125, 1024.09375], dtype=torch.float64))
    yield case("float32 digits beyond the fourth", t([0.1, 0.12345, 0.99999, 0.00015]))
    yield case("the ratio of exactly 1000", t([1.0, 1000.0]))
    yield case("a ratio above 1000", t([1.0, 1001.0]))
    yield case("a ratio above 1000 of fractions", t([0.5, 1000.5]))
    yield case("the largest plain value", t([1e8, 1e8]))
    yield case("a value above 1e8", t([100000008.0]))
    yield case("a value below 1e-4", t([9.9e-5, 5e-5]))
    yield case("the float32 nearest to 1e-4", t([1e-4]))
    yield case("the float64 nearest to 1e-4", t([1e-4], dtype=torch.float64))
    yield case("scientific halves, rounded to even", t([1.0, 100005.0, 100015.0, 999995.0, -100025.0]))
    yield case("scientific with zeros, NaN and infinities", t([1e-9, 0.0, -0.0, nan, inf, -inf, -3e12]))
    yield case("three-digit exponents", t([1e-300, -2.5e300, 1.5], dtype=torch.float64))
    yield case("subnormals", t([1e-45, 3e-42]))
    yield case("the float64 limits", t([5e-324, 1.7976931348623157e308], dtype=torch.float64))
    yield case("float16 limits", t([65504.0, 6e-8, -1.5], dtype=torch.float16))
    yield case("float16 fractions", t([0.1, -2.7, 3.3], dtype=torch.float16))
    yield case("bfloat16 limits", t([3.3895313892515355e38, 1e-40, 0.1], dtype=torch.bfloat16))
    yield case("bfloat16 fractions", t([[0.1, 0.2], [0.3, -0.4]], dtype=torch.bfloat16))
    yield case("whole float64", t([1.0, 2.0], dtype=torch.float64))

    yield case("bool", t([[True, False], [False, False]]))
    yield case("only false", t([False, False]))
    yield case("int64 limits", t([-(2**63), 2**63 - 1, 0]))
    yield case("int8 limits", t([-128, 127, 0], dtype=torch.int8))
    yield case("int16 limits", t([-32768, 32767], dtype=torch.int16))
    yield case("int32 limits", t([-(2**31), 2**31 - 1], dtype=torch.int32))
    yield case("uint8 limits", t([0, 255], dtype=torch.uint8))

    for count in [10, 24, 25, 70]:
        yield case(f"{count} wrapped integers", torch.arange(count))
    yield case("wrapped rows", torch.arange(60).reshape(2, 30) * 37)
    yield case("elements wider than a line allows many of", -(torch.arange(9) + 2**62))
    yield case("three dimensions", torch.arange(12.0).reshape(2, 3, 2))
    yield case("four dimensions", torch.arange(16).reshape(2, 2, 2, 2))
    yield case("six dimensions", torch.arange(8).reshape(1, 2, 1, 2, 1, 2))
    yield case("single element in five dimensions", t(1.5).reshape(1, 1, 1, 1, 1))
    # The dtype is moved to a new line just where the last line grows past 80 columns.
    for count in range(12, 17):
        yield case(f"a suffix behind {count} elements", torch.arange(count, dtype=torch.int32))
        rows = torch.arange(2 * count, dtype=torch.int16).reshape(2, count)
        yield case(f"a suffix behind rows of {count} elements", rows)
    yield case("the longest line that takes an int32 suffix", torch.full((4,), -(10**9), dtype=torch.int32))
    yield case("the shortest line that does not take an int8 suffix", torch.full((9,), -128, dtype=torch.int8))
    yield case("the longest line that takes a float64 suffix", torch.full((5,), -12.5, dtype=torch.float64))
    yield case("the shortest line that does not take a bfloat16 suffix", torch.full((5,), -12.5, dtype=torch.bfloat16))
    for count in range(7, 10):
        yield case(f"two suffixes behind {count} elements", torch.nn.Parameter(torch.arange(count).double() + 0.5))
    yield case("a parameter", torch.nn.Parameter(t([0.5, -1.0])))
    yield case("an empty parameter", torch.nn.Parameter(torch.zeros(0, 4, dtype=torch.float16)))
    yield case("a frozen parameter", torch.nn.Parameter(t([[1, 2]]), requires_grad=False))
    yield case("a tensor that requires a gradient", torch.ones(2, 2, requires_grad=True))

    yield stepped("1000 elements in full", (1000,), torch.float32)
    yield stepped("1001 elements in part", (1001,), torch.int64)
    yield stepped("1001 fractions in part", (1001,), torch.float32, 0.03125)
    yield stepped("a large float64 vector in part", (200_000,), torch.float64, 0.5)
    yield stepped("a large matrix in part", (600, 700), torch.float32)
    yield stepped("a tall matrix in part", (500, 6), torch.int32)
    yield stepped("a wide matrix in part", (6, 500), torch.int16)
    yield stepped("seven rows in part", (7, 7, 30), torch.int64)
    yield stepped("images in part", (2, 3, 32, 32), torch.float32, 0.25)
    yield stepped("many dimensions in part", (2, 8, 1, 9, 2, 7), torch.int64)
    yield stepped("a column in part", (1200, 1), torch.float64)
    yield stepped("bools in part", (40, 40), torch.bool, 0)


def random_cases(count):
    generator = torch.Generator().manual_seed(2130)
    draw = lambda high: int(torch.randint(high, (), generator=generator))
    for index in range(count):
        shape = [1 + draw(5) for _ in range(draw(4))]
        dtype = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32][draw(6)]
        exponents = torch.rand(shape, generator=generator, dtype=torch.float64) * (1 + draw(8)) + draw(9) - 6
        signs = torch.randint(-1, 2, shape, generator=generator)
        values = (signs * 10**exponents).to(dtype)
        yield case(f"random case {index}", values)


def json_block(entry):
    """One line per key, as prettier leaves it."""
    lines = (f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items())
    return "  {\n" + ",\n".join(lines) + "\n  }"


def main():
    cases = [*written_cases(), *random_cases(40)]
    TARGET.write_text("[\n" + ",\n".join(map(json_block, cases)) + "\n]\n", encoding="utf-8")
    print(f"{len(cases)} cases written by torch {torch.__version__}")


if __name__ == "__main__":
    main()
