"""How goldens are stored, and the numbers that Python and TypeScript both compute instead of storing them."""

import json
import pathlib
import struct

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent.parent / "test" / "goldens"

# The names of the safetensors format.
DTYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int8: "I8",
    torch.int16: "I16", torch.int32: "I32", torch.int64: "I64", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def write_safetensors(name, tensors, metadata):
    """Writes test/goldens/NAME.safetensors: 8 bytes of header length, a JSON header, then the elements, row-major."""
    header, offset, parts = {"__metadata__": {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()}}, 0, []
    for key, tensor in tensors.items():
        data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        shape = list(tensor.shape)
        header[key] = {"dtype": DTYPES[tensor.dtype], "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        parts.append(data)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = FOLDER / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
    print(f"{path.relative_to(FOLDER)}: {path.stat().st_size:,} bytes")


def formula_tensor(name, shape, scale=1.0, shift=0.0):
    """Makes a float32 tensor of numbers that depend on nothing but the name: from -1 to below 1, scaled and shifted.

    test/support/formula.ts gives the same, bit for bit. The n-th is murmur3's finalizer over the FNV-1a hash of the name
    plus n times the golden ratio, cut to 24 bits, so that it is exact in float32.
    """
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    h = (h ^ (h >> 16)) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE35)
    h ^= h >> 16
    units = (h >> 8).astype(np.float64) / 2**23 - 1
    return torch.from_numpy((units * scale + shift).astype(np.float32).reshape(shape))


def formula_state(model):
    """Fills a ResNet with numbers by formula that keep its activations near 1: weights as He et al., variances positive."""
    state = {}
    for key, value in model.state_dict().items():
        shape = tuple(value.shape)
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
        elif len(shape) > 1:
            fan_in = int(np.prod(shape[1:]))
            state[key] = formula_tensor(key, shape, (6 / fan_in) ** 0.5)
        elif key.endswith("running_var"):
            state[key] = formula_tensor(key, shape, 0.5, 1.0)
        elif key.endswith("weight"):
            state[key] = formula_tensor(key, shape, 0.25, 0.5)
        else:
            state[key] = formula_tensor(key, shape, 0.1)
    model.load_state_dict(state)
    return model.eval()
