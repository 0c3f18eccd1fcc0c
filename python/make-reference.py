#!/usr/bin/env python3
"""Writes what PyTorch computes for a ResNet checkpoint: an input, and the output of every module.

    python make-reference.py resnet18.pth reference.safetensors
    napi-torch verify resnet18.pth --reference reference.safetensors

Needs torch and nothing else. The checkpoint is read with weights_only=True: no code in it is run. The models are those of
torchvision and of the CIFAR training scripts, with their modules and keys; which one it is follows from the keys. Any other model is
the one that a class or function of your own builds, --module net.py:Net, or that the file holds as a whole, --whole-module. Only
with these two is code of others run.
"""

import argparse
import ctypes
import importlib.util
import json
import math
import os
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

USUAL_KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params")
DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}


def conv(inputs, outputs, size, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs, planes, stride, downsample, groups, width):
        super().__init__()
        self.conv1 = conv(inputs, planes, 3, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv(planes, planes, 3)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, planes, stride, downsample, groups, width):
        super().__init__()
        inner = planes * width // 64 * groups
        self.conv1 = conv(inputs, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, inner, 3, stride, groups)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = conv(inner, planes * 4, 1)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """torchvision's, for photos."""

    size = (224, 224)

    def __init__(self, block, layers, channels, classes, groups, width, inputs, stem):
        super().__init__()
        kernel, stride, pool = stem
        self.conv1 = conv(channels, inputs, kernel, stride)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        first = inputs
        for stage, count in enumerate(layers):
            planes, stride = first * 2**stage, 1 if stage == 0 else 2
            outputs, downsample = planes * block.expansion, None
            if stride != 1 or inputs != outputs:
                downsample = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
            blocks = [block(inputs, planes, stride, downsample, groups, width)]
            blocks += [block(outputs, planes, 1, None, groups, width) for _ in range(count - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class CifarBlock(nn.Module):
    def __init__(self, inputs, planes, stride, kernel):
        super().__init__()
        self.conv1 = conv(inputs, planes, kernel, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv(planes, planes, 3)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class CifarResNet(nn.Module):
    """That of the CIFAR training scripts, for small images."""

    size = (32, 32)

    def __init__(self, layers, channels, classes, width, kernel):
        super().__init__()
        self.conv1 = conv(channels, width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage, count in enumerate(layers):
            planes = width * 2**stage
            blocks = [CifarBlock(inputs, planes, 1 if stage == 0 else 2, kernel)]
            blocks += [CifarBlock(planes, planes, 1, kernel) for _ in range(count - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = planes
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        return self.linear(F.avg_pool2d(out, 4).flatten(1))


def load_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    state = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = DTYPES.get(entry["dtype"])
        if dtype is None:
            sys.exit(f"{path}: {name} has the element type {entry['dtype']}, which no ResNet has")
        flat = torch.frombuffer(data, dtype=dtype, count=(end - start) // dtype.itemsize, offset=start)
        state[name] = flat.reshape(entry["shape"]).clone()
    return state


def load_state(path, key):
    if path.endswith(".safetensors"):
        return load_safetensors(path)
    value = torch.load(path, map_location="cpu", weights_only=True)
    for name in key.split(".") if key else ():
        value = value[name]
    while not key and not any(torch.is_tensor(entry) for entry in value.values()):
        found = next((name for name in USUAL_KEYS if isinstance(value.get(name), dict)), None)
        if found is None:
            sys.exit(f"{path}: Holds no state dict: its keys are {', '.join(map(str, value))}; name one with --key")
        value = value[found]
    return {name: tensor for name, tensor in value.items() if torch.is_tensor(tensor)}


def plain_keys(state):
    """Takes away what wrappers put before the keys, such as `module.`."""
    stems = [name for name in state if (f".{name}").endswith(".conv1.weight") and "layer" not in name]
    if not stems:
        sys.exit("No known ResNet: there is no conv1.weight")
    prefix = min(stems, key=len)[: -len("conv1.weight")]
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}


def build(state, stem):
    """Tells the architecture from keys and shapes, and gives the model."""

    def count(stage):
        return len({name.split(".")[1] for name in state if name.startswith(f"layer{stage}.")})

    layers = [count(stage) for stage in (1, 2, 3, 4)]
    width, channels = state["conv1.weight"].shape[:2]
    first = state["layer1.0.conv1.weight"]
    if "linear.weight" in state:
        model = CifarResNet(layers, channels, state["linear.weight"].shape[0], width, first.shape[2])
    else:
        block = Bottleneck if "layer1.0.conv3.weight" in state else BasicBlock
        spatial = state["layer1.0.conv2.weight"] if block is Bottleneck else first
        groups = spatial.shape[0] // spatial.shape[1]
        per_group = spatial.shape[1] * 64 // width
        model = ResNet(block, layers, channels, state["fc.weight"].shape[0], groups, per_group, width, stem)
    model.load_state_dict(state)
    return model.eval()


def build_known(path, state, stem):
    try:
        return build(state, stem)
    except (KeyError, RuntimeError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error).split("\n")[-1].strip()
        sys.exit(f"{path}: Is no ResNet of torchvision or of the CIFAR scripts ({reason}); name what builds it, as net.py:Net")


def build_torchvision(name, arguments, state):
    """Builds a model of torchvision's by its name."""
    try:
        from torchvision import models
    except ImportError:
        sys.exit(f"{name}: Needs torchvision, which this Python does not have")
    model = models.get_model(name, weights=None, **json.loads(arguments))
    model.load_state_dict(state)
    return model.eval()


def build_own(spec, state):
    """Builds the model by NAME in FILE.py, and loads the state dict without what wrappers put before its keys."""
    path, _, name = spec.rpartition(":")
    found = importlib.util.spec_from_file_location("own_model", path) if path and os.path.exists(path) else None
    if found is None:
        sys.exit(f"{spec}: Expected FILE.py:NAME, a file and a class or function in it")
    module = importlib.util.module_from_spec(found)
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    found.loader.exec_module(module)
    model = getattr(module, name)()
    wanted = model.state_dict().keys()
    some = next(iter(wanted), "")
    for prefix in sorted((key[: len(key) - len(some)] for key in state if key.endswith(some)), key=len):
        plain = {key[len(prefix) :]: tensor for key, tensor in state.items() if key.startswith(prefix)}
        if wanted <= plain.keys():
            model.load_state_dict({key: plain[key] for key in wanted})
            return model.eval()
    model.load_state_dict(state)
    return model.eval()


def load_whole(path, key):
    """Gives a module that was pickled as a whole; **this runs the code that the file names**."""
    # Where Python looks for classes when it is started without a script.
    sys.path.insert(0, os.getcwd())
    value = torch.load(path, map_location="cpu", weights_only=False)
    for name in key.split(".") if key else ():
        value = value[name]
    if not isinstance(value, nn.Module):
        sys.exit(f"{path}: Holds no module{f' at {key}' if key else ''}, but a {type(value).__name__}")
    # On the CPU few operators take half precision.
    return value.float().eval()


def record(model, image):
    """Gives the output of every call of every module, in the order in which they end."""
    outputs, calls = {}, {}

    def keep(path):
        def hook(_module, _inputs, output):
            # An attention gives its weights as well.
            if not isinstance(output, torch.Tensor):
                return
            calls[path] = calls.get(path, 0) + 1
            name = path or "(model)"
            # A copy, as an in-place ReLU may follow.
            outputs[name if calls[path] == 1 else f"{name}#{calls[path]}"] = output.detach().clone()

        return hook

    for path, module in model.named_modules():
        module.register_forward_hook(keep(path))
    with torch.inference_mode():
        model(image)
    return outputs


def moments(state):
    """For each tensor its sum, sum of squares, and sum with weights that grow from 0 to 1, by which permuted elements are told apart."""
    ramp = torch.arange(max((tensor.numel() for tensor in state.values()), default=0), dtype=torch.float64)
    found = {}
    for name, tensor in state.items():
        values = tensor.double().flatten()
        size = values.numel()
        sums = values.sum().item(), values.dot(values).item(), values.dot(ramp[:size]).item() / max(1, size)
        # JSON has no NaN and no infinity.
        found[name] = [number if math.isfinite(number) else str(number) for number in sums]
    return found


def save(path, tensors, facts):
    header, offset = {"__metadata__": {"format": "pt", "napi-torch.reference": json.dumps(facts)}}, 0
    tensors = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        end = offset + 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for tensor in tensors.values():
                file.write(ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel()))
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("checkpoint", help="a file of torch.save or safetensors")
    parser.add_argument("out", help="the reference, a safetensors file")
    parser.add_argument("--key", default="", help="where the state dict lies in the file, such as model.ema")
    parser.add_argument("--module", metavar="FILE.py:NAME", help="what builds the model, if it is one of your own")
    parser.add_argument("--torchvision", metavar="NAME", help="function of torchvision that builds the model, if it is no ResNet")
    parser.add_argument("--arguments", default="{}", metavar="JSON", help="arguments of that function (default: none)")
    parser.add_argument("--whole-module", action="store_true", help="the file is a whole module; its code is run")
    parser.add_argument("--channels", type=int, help="of the input (default: those of the first convolution)")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="of the input")
    parser.add_argument(
        "--stem",
        type=int,
        nargs=3,
        default=(7, 2, 1),
        metavar=("KERNEL", "STRIDE", "POOL"),
        help="first convolution of torchvision's ResNet, and 1 if a max-pool follows (default: 7 2 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the input, which is normally distributed (default: 0)")
    options = parser.parse_args()
    if sys.byteorder != "little":
        sys.exit("The reference is written with the bytes of a little-endian machine")

    if (options.module or options.whole_module or options.torchvision) and not (options.channels and options.size):
        parser.error("--module, --torchvision and --whole-module need --channels and --size")
    if options.whole_module:
        model, channels = load_whole(options.checkpoint, options.key), options.channels
    elif options.torchvision:
        state = load_state(options.checkpoint, options.key)
        model, channels = build_torchvision(options.torchvision, options.arguments, state), options.channels
    elif options.module:
        state = load_state(options.checkpoint, options.key)
        model, channels = build_own(options.module, state), options.channels
    else:
        state = plain_keys(load_state(options.checkpoint, options.key))
        model, channels = build_known(options.checkpoint, state, options.stem), state["conv1.weight"].shape[1]
    shape = (1, channels, *(options.size or model.size))
    image = torch.randn(shape, generator=torch.Generator().manual_seed(options.seed))
    outputs = record(model, image)
    facts = {
        "torch": torch.__version__,
        "checkpoint": os.path.basename(options.checkpoint),
        "seed": options.seed,
        "state": moments(model.state_dict()),
        "shapes": {name: list(tensor.shape) for name, tensor in model.state_dict().items()},
    }
    save(options.out, {"input": image, **{f"output/{name}": output for name, output in outputs.items()}}, facts)
    print(f"{options.out}: {len(outputs)} outputs of torch {torch.__version__} for an input {tuple(shape)}")


if __name__ == "__main__":
    main()
