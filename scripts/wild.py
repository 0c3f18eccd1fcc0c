"""Makes checkpoints in the forms in which people keep their ResNets, with the logits that PyTorch computes from each.

    python scripts/wild.py FOLDER

Needs torch; with timm, transformers and torchvision in the same environment their own classes are used as well. The networks are
narrow, so that the files are small; their statistics are drawn at random, so that a layer in the wrong place shows. `manifest.json`
in the folder says of each file what is expected: logits for the image in `input-C-S.bin` (C, S, S), or the code of a refusal and
what its message has to name. `test/integration/models/wild.test.ts` reads it.
"""

import argparse
import collections
import copy
import datetime
import decimal
import enum
import fractions
import functools
import io
import json
import math
import operator
import os
import pathlib
import random
import sys
import types
import uuid

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from resnet import BasicBlock, Bottleneck

SIDE = 64
CLASSES = 5
WIDTH = 4


class ResNet(nn.Module):
    """torchvision's, with a width."""

    def __init__(self, block=BasicBlock, layers=(2, 1, 1, 1), width=WIDTH, channels=3, classes=CLASSES, groups=1, base=64):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        inputs = width
        for stage, count in enumerate(layers):
            planes = width * 2**stage
            stride = 1 if stage == 0 else 2
            blocks = []
            for index in range(count):
                outputs = planes * block.expansion
                step = stride if index == 0 else 1
                downsample = None
                if step != 1 or inputs != outputs:
                    downsample = nn.Sequential(
                        nn.Conv2d(inputs, outputs, 1, step, bias=False), nn.BatchNorm2d(outputs)
                    )
                blocks.append(block(inputs, planes, step, downsample, groups, base, 1))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(1, 5):
            layer = getattr(self, f"layer{stage}", None)
            x = x if layer is None else layer(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


class PadShortcut(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.planes = planes

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.planes // 4, self.planes // 4), "constant", 0)


class SmallBlock(nn.Module):
    """The block of the CIFAR scripts."""

    expansion = 1

    def __init__(self, inputs, planes, stride, option):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != planes:
            if option == "A":
                self.shortcut = PadShortcut(planes)
            else:
                self.shortcut = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class SmallBottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, planes, stride, option):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != 4 * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + self.shortcut(x))


class PreActBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs, planes, stride, option):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        if stride != 1 or inputs != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False))

    def forward(self, x):
        out = F.relu(self.bn1(x))
        shortcut = self.shortcut(out) if hasattr(self, "shortcut") else x
        out = self.conv1(out)
        return self.conv2(F.relu(self.bn2(out))) + shortcut


class SmallResNet(nn.Module):
    """The network of the CIFAR scripts: three or four stages, with or without pre-activation."""

    def __init__(self, block=SmallBlock, layers=(2, 1, 1, 1), width=WIDTH, stem=None, option="B", final=False):
        super().__init__()
        self.preact = block is PreActBlock
        stem = width if stem is None else stem
        self.conv1 = nn.Conv2d(3, stem, 3, 1, 1, bias=False)
        if not self.preact:
            self.bn1 = nn.BatchNorm2d(stem)
        inputs = stem
        self.stages = len(layers)
        for stage, count in enumerate(layers):
            planes = width * 2**stage
            blocks = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(block(inputs, planes, stride, option))
                inputs = planes * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        if final:
            self.bn = nn.BatchNorm2d(inputs)
        self.linear = nn.Linear(inputs, CLASSES)

    def forward(self, x):
        x = self.conv1(x)
        x = x if self.preact else F.relu(self.bn1(x))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        if hasattr(self, "bn"):
            x = F.relu(self.bn(x))
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


class ConcatPool(nn.Module):
    """fastai's AdaptiveConcatPool2d."""

    def __init__(self):
        super().__init__()
        self.ap = nn.AdaptiveAvgPool2d(1)
        self.mp = nn.AdaptiveMaxPool2d(1)

    def forward(self, x):
        return torch.cat([self.mp(x), self.ap(x)], 1)


def shake(model):
    """Draws statistics and scales, so that none is 0 or 1."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.num_batches_tracked.fill_(7)
    return model.eval()


def replace(state, *pairs):
    """Renames by the first pattern at the front of a key."""
    renamed = collections.OrderedDict()
    for key, value in state.items():
        for old, new in pairs:
            if key.startswith(old):
                key = new + key[len(old):]
                break
        renamed[key] = value
    return renamed


def prefixed(state, prefix):
    return collections.OrderedDict((prefix + key, value) for key, value in state.items())


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.rows = []
        self.inputs = {}

    def input(self, channels, side=SIDE):
        if (channels, side) not in self.inputs:
            generator = torch.Generator().manual_seed(channels)
            image = torch.randn(1, channels, side, side, generator=generator)
            self.inputs[channels, side] = image
            (self.folder / f"input-{channels}-{side}.bin").write_bytes(image.numpy().tobytes())
        return self.inputs[channels, side]

    def add(self, name, saved, model=None, channels=3, side=SIDE, options=None, logits=None, refused=None, save=torch.save, **extra):
        row = {"name": name, "file": f"{len(self.rows):03d}.pth", "input": [channels, side]}
        row.update(options=options or {}, **extra)
        path = self.folder / row["file"]
        if save is not None:
            save(saved, path)
        if refused is not None:
            row["code"], row["contains"] = refused
        else:
            if logits is None:
                image = self.input(channels, side)
                with torch.inference_mode():
                    logits = model.eval()(image)
            row["logits"] = logits.double().flatten().tolist()
        self.rows.append(row)

    def finish(self):
        (self.folder / "manifest.json").write_text(json.dumps(self.rows))


def plain(**options):
    return shake(ResNet(**options))


def prefixes(maker):
    model = plain()
    state = model.state_dict()
    for prefix in [
        "", "module.", "model.", "backbone.", "encoder.", "net.", "_module.", "model.0.", "student.", "network.model.",
        "module.module.", "_orig_mod.", "_orig_mod.module.", "feature_extractor.body.", "model._orig_mod.", "0.", "my-net.",
    ]:
        maker.add(f"the prefix {prefix!r}", prefixed(state, prefix), model)
    for word in ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "module", "_module"]:
        inside = collections.OrderedDict(
            (key.replace("layer3.0.", f"layer3.0.{word}.").replace("layer1.", f"layer1.{word}."), value)
            for key, value in state.items()
        )
        maker.add(f"{word} within keys", inside, model)
    beside = prefixed(state, "model.")
    beside["criterion.weight"] = torch.ones(CLASSES)
    beside["loss.center"] = torch.ones(3, 4)
    maker.add("a criterion beside", {"epoch": 3, "state_dict": beside}, model, unused=["criterion.weight", "loss.center"])
    averaged = torch.optim.swa_utils.AveragedModel(model)
    maker.add("AveragedModel", averaged.state_dict(), model, unused=["n_averaged"])
    parallel = nn.DataParallel(model)
    maker.add("DataParallel", parallel.state_dict(), model)
    maker.add("torch.compile", torch.compile(model).state_dict(), model)
    other = shake(ResNet())
    for first, second in [("student.", "teacher."), ("module.encoder_q.", "module.encoder_k."), ("online.net.", "ema.net.")]:
        both = {**prefixed(model.state_dict(), first), **prefixed(other.state_dict(), second)}
        maker.add(f"{first} beside {second}", both, refused=("TORCH_ARCHITECTURE", f"prefix: '{first}'"))
        maker.add(f"{first} of two", both, model, options={"prefix": first})
        maker.add(f"{second} of two, without its dot", both, other, options={"prefix": second[:-1]})


def aliases(maker):
    model = plain()
    state = model.state_dict()
    children = nn.Sequential(*model.children())
    numbers = collections.OrderedDict(children.state_dict())
    maker.add("Sequential of the children", numbers, model)
    body = nn.Sequential(*list(model.children())[:-1])
    features = {**prefixed(body.state_dict(), "features."), **prefixed(model.fc.state_dict(), "classifier.")}
    maker.add("children without the last, and a classifier", features, model)
    headless = copy.deepcopy(model)
    headless.fc = nn.Identity()
    maker.add("children without the last", body.state_dict(), headless)
    maker.add("children without the last two", nn.Sequential(*list(model.children())[:-2]).state_dict(), headless)

    hugging = replace(
        state, ("conv1.", "resnet.embedder.embedder.convolution."), ("bn1.", "resnet.embedder.embedder.normalization."),
        ("fc.", "classifier.1."),
    )
    names = {"conv1": "layer.0.convolution", "bn1": "layer.0.normalization", "conv2": "layer.1.convolution",
             "bn2": "layer.1.normalization", "downsample.0": "shortcut.convolution", "downsample.1": "shortcut.normalization"}
    def staged(state, rename):
        result = collections.OrderedDict()
        for key, value in state.items():
            if key.startswith("layer"):
                stage, index, *rest = key.split(".")
                key = rename(int(stage[5:]), index, ".".join(rest[:-1]), rest[-1])
            result[key] = value
        return result
    maker.add("transformers' names", staged(
        hugging, lambda stage, index, inner, end: f"resnet.encoder.stages.{stage - 1}.layers.{index}.{names[inner]}.{end}"), model)
    maker.add("mmpretrain's names", {"meta": {"epoch": 1}, "state_dict": {
        ("head." if key.startswith("fc.") else "backbone.") + key: value for key, value in state.items()}}, model)
    maker.add("tch-rs' bars", {key.replace(".", "|"): value for key, value in state.items()}, model)
    for head in ["last_linear", "classifier", "head", "linear", "output", "heads.0"]:
        maker.add(f"the head {head}", replace(state, ("fc.", f"{head}.")), model)

    cifar = plain()
    cifar.conv1, cifar.maxpool = nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False), nn.Identity()
    inner = {"conv1": "residual_function.0", "bn1": "residual_function.1", "conv2": "residual_function.3",
             "bn2": "residual_function.4", "downsample.0": "shortcut.0", "downsample.1": "shortcut.1"}
    residual = staged(
        replace(cifar.state_dict(), ("conv1.", "conv1.0."), ("bn1.", "conv1.1.")),
        lambda stage, index, name, end: f"conv{stage + 1}_x.{index}.{inner[name]}.{end}")
    maker.add("residual_function", residual, cifar)
    short = collections.OrderedDict((key.replace("downsample", "shortcut"), value) for key, value in cifar.state_dict().items())
    for head in ["fc", "classifier"]:
        maker.add(f"shortcut with {head}", replace(short, ("fc.", f"{head}.")), cifar)
    maker.add("downsample with linear", replace(state, ("fc.", "linear.")), model)
    pooled = copy.deepcopy(cifar)
    pooled.maxpool = nn.MaxPool2d(3, 2, 1)
    maker.add("a 3x3 stem under torchvision's keys", cifar.state_dict(), refused=("TORCH_ARCHITECTURE", "stem: 'no-maxpool'"))
    maker.add("a 3x3 stem without max-pool", cifar.state_dict(), cifar, options={"stem": "no-maxpool"})
    maker.add("a 3x3 stem with max-pool", cifar.state_dict(), pooled, options={"stem": "maxpool"})

    fast = plain()
    width = fast.fc.in_features
    head = shake(nn.Sequential(
        ConcatPool(), nn.Flatten(), nn.BatchNorm1d(2 * width), nn.Dropout(0.25), nn.Linear(2 * width, 16, bias=False),
        nn.ReLU(inplace=True), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, CLASSES, bias=False)))
    whole = nn.Sequential(nn.Sequential(*list(fast.children())[:-2]), head)
    maker.add("fastai's two levels", {"model": whole.state_dict(), "opt": {"state": {}}}, whole)


def heads(maker):
    features = 8 * WIDTH
    def with_head(head, **options):
        model = plain(**options)
        model.fc = shake(head)
        return model.eval()
    forms = {
        "without bias": nn.Linear(features, CLASSES, bias=False),
        "Dropout, Linear": nn.Sequential(nn.Dropout(), nn.Linear(features, CLASSES)),
        "Linear, ReLU, Dropout, Linear": nn.Sequential(
            nn.Linear(features, 9), nn.ReLU(), nn.Dropout(), nn.Linear(9, CLASSES)),
        "Linear, ReLU, Linear, ReLU, Linear": nn.Sequential(
            nn.Linear(features, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, CLASSES)),
        "BatchNorm1d, Linear": nn.Sequential(nn.BatchNorm1d(features), nn.Linear(features, CLASSES)),
        "Linear, BatchNorm1d, ReLU, Linear": nn.Sequential(
            nn.Linear(features, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, CLASSES)),
        "Linear, ReLU, BatchNorm1d, Dropout, Linear": nn.Sequential(
            nn.Linear(features, 9), nn.ReLU(), nn.BatchNorm1d(9), nn.Dropout(), nn.Linear(9, CLASSES)),
        "named layers": nn.Sequential(collections.OrderedDict([
            ("fc1", nn.Linear(features, 9)), ("relu", nn.ReLU()), ("drop", nn.Dropout()), ("fc2", nn.Linear(9, CLASSES))])),
        "one logit": nn.Linear(features, 1),
        "none": nn.Identity(),
        "two linear layers in a row": nn.Sequential(nn.Linear(features, 9), nn.Linear(9, CLASSES)),
    }
    for name, head in forms.items():
        model = with_head(head)
        maker.add(f"a head: {name}", model.state_dict(), model)
    class Neck(nn.Module):
        """A network that tells persons apart: a normalization between the pooling and the classifier."""

        def __init__(self):
            super().__init__()
            self.base = plain()
            self.base.fc = nn.Identity()
            self.bottleneck = nn.BatchNorm1d(features)
            self.classifier = nn.Linear(features, CLASSES, bias=False)

        def forward(self, x):
            return self.classifier(self.bottleneck(self.base(x)))

    neck = shake(Neck())
    maker.add("a neck", neck.state_dict(), neck)
    projected = plain()
    projection = prefixed(shake(nn.Sequential(nn.Linear(features, features), nn.BatchNorm1d(features))).state_dict(), "projector.")
    maker.add("a projection head beside", {**projected.state_dict(), **projection}, projected)
    second = plain()
    second.aux = nn.Linear(features, 3)
    maker.add("a second head within the network", prefixed(second.state_dict(), "model."), second,
              unused=["model.aux.weight", "model.aux.bias"])
    hidden = plain()
    hidden.fc = shake(nn.Sequential(collections.OrderedDict([
        ("lin1", nn.Linear(features, 9)), ("norm", nn.BatchNorm1d(9)), ("relu", nn.ReLU()), ("lin2", nn.Linear(9, CLASSES))])))
    maker.add("a normalization among named layers of a head", hidden.state_dict(), refused=("TORCH_ARCHITECTURE", "fc.norm"))
    folded = {
        "weight_norm": lambda layer: weight_norm(layer),
        "spectral_norm": lambda layer: spectral_norm(layer),
        "parametrizations.weight_norm": lambda layer: parametrizations.weight_norm(layer),
        "parametrizations.spectral_norm": lambda layer: parametrizations.spectral_norm(layer),
    }
    for name, wrap in folded.items():
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = plain()
            wrap(model.fc)
            wrap(model.layer2[0].conv1)
            for _ in range(3):
                model.train()(maker.input(3).repeat(2, 1, 1, 1))
        maker.add(name, model.eval().state_dict(), model)
    model = plain()
    prune.random_unstructured(model.layer1[0].conv1, "weight", 0.5)
    prune.l1_unstructured(model.fc, "weight", 0.3)
    prune.l1_unstructured(model.fc, "bias", 0.3)
    maker.add("pruning", model.state_dict(), model)
    model = plain()
    parametrizations.orthogonal(model.fc)
    maker.add("an orthogonal head", model.state_dict(), refused=("TORCH_CHECKPOINT_UNSUPPORTED", "remove_parametrizations"))


def stems(maker):
    for channels in [1, 4, 12]:
        model = plain(channels=channels)
        maker.add(f"{channels} input channels", model.state_dict(), model, channels=channels)
    model = plain()
    model.conv1 = nn.Conv2d(1, WIDTH, 7, 2, 3)
    maker.add("a bias in the stem", model.state_dict(), model, channels=1)
    for width in [2, 6, 8]:
        model = plain(width=width)
        maker.add(f"a width of {width}", model.state_dict(), model)
    model = plain()
    fused = torch.fx.experimental.optimization.fuse(model)
    maker.add("fused by torch.fx", fused.state_dict(), model)
    deep = plain()
    deep.conv1 = shake(nn.Sequential(
        nn.Conv2d(3, 3, 3, 2, 1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 6, 3, 1, 1, bias=False),
        nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, WIDTH, 3, 1, 1, bias=False)))
    maker.add("a deep stem", deep.state_dict(), deep)
    for stage in range(2, 5):
        shortcut = getattr(deep, f"layer{stage}")[0].downsample
        conv = nn.Conv2d(shortcut[0].in_channels, shortcut[0].out_channels, 1, bias=False)
        getattr(deep, f"layer{stage}")[0].downsample = nn.Sequential(nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False),
                                                                    conv, shortcut[1])
    maker.add("ResNet-D", deep.state_dict(), deep)


def families(maker):
    for name, options in {
        "bottlenecks": {"block": Bottleneck, "layers": (1, 1, 1, 1)},
        "a ResNeXt": {"block": Bottleneck, "layers": (1, 1, 1, 1), "width": 8, "groups": 2, "base": 32},
        "a wide ResNet": {"block": Bottleneck, "layers": (1, 1, 1, 1), "base": 128},
        "single blocks": {"layers": (1, 1, 1, 1)},
        "many blocks": {"layers": (3, 4, 6, 3), "width": 2},
    }.items():
        model = plain(**options)
        maker.add(name, model.state_dict(), model)
    for name, options in {
        "the CIFAR scripts'": {},
        "the CIFAR scripts' bottlenecks": {"block": SmallBottleneck, "layers": (1, 1, 1, 1)},
        "three stages, option A": {"layers": (3, 3, 3), "option": "A"},
        "three stages, option B": {"layers": (3, 3, 3)},
        "pre-activation": {"block": PreActBlock},
        "pre-activation with a last normalization": {"block": PreActBlock, "final": True},
        "a wide ResNet with pre-activation": {"block": PreActBlock, "layers": (2, 2, 2), "width": 8, "stem": 4, "final": True},
    }.items():
        model = shake(SmallResNet(**options))
        # The scripts average windows of 4×4 pixels: four stages want small images.
        maker.add(name, model.state_dict(), model, side=32)
    three = plain(layers=(2, 2, 2))
    three.conv1, three.maxpool = nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False), nn.Identity()
    maker.add("three stages under torchvision's keys", three.state_dict(), three)

    gate = plain()
    gated = gate.state_dict()
    gated["layer1.0.se.fc1.weight"] = torch.ones(2, WIDTH, 1, 1)
    gated["layer1.0.se.fc2.weight"] = torch.ones(WIDTH, 2, 1, 1)
    maker.add("squeeze-and-excitation", gated, refused=("TORCH_ARCHITECTURE", "layer1.0.se.fc1.weight"))
    eca = gate.state_dict()
    eca["layer1.0.se.conv.weight"] = torch.ones(1, 1, 3)
    maker.add("efficient channel attention", eca, refused=("TORCH_ARCHITECTURE", "layer1.0.se.conv.weight"))
    groups = collections.OrderedDict((k, v) for k, v in gate.state_dict().items() if "running" not in k)
    maker.add("GroupNorm", groups, refused=("TORCH_ARCHITECTURE", "running_mean"))
    misfit = plain()
    misfit.fc = nn.Linear(8 * WIDTH * 4, CLASSES)
    maker.add("a head that reads several pixels", misfit.state_dict(), refused=("TORCH_ARCHITECTURE", "features, not 32"))


def containers(maker):
    model = plain()
    state = model.state_dict()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for name, saved in {
        "state_dict": {"state_dict": state, "optimizer": optimizer.state_dict(), "epoch": 3},
        "model_state_dict": {"epoch": 1, "model_state_dict": state, "loss": torch.tensor(0.3)},
        "a key of one's own": {"resnet": state, "optimizer": optimizer.state_dict(), "args": argparse.Namespace(lr=0.1, net=None)},
        "a state dict with a counter": {**state, "epoch": 3, "best": None, "note": "x"},
        "_extra_state": {**state, "bn1._extra_state": {"a": 1}, "layer1._extra_state": torch.ones(2)},
        "a list of one": [state],
        "a tuple": (state, {"epoch": 1}),
        "a defaultdict": collections.defaultdict(int, state),
        "a SimpleNamespace beside": {"model": state, "config": types.SimpleNamespace(a=int, b=range(3))},
        "sparse and meta tensors beside": {
            "state_dict": state, "sparse": torch.eye(3).to_sparse(), "meta": torch.empty(3, device="meta"),
            "nested": torch.ones(2, dtype=torch.complex64)},
        "half precision": {key: value.half() if value.is_floating_point() else value for key, value in state.items()},
    }.items():
        reference = model
        if name == "half precision":
            reference = copy.deepcopy(model).half().float()
        maker.add(name, saved, reference)
    other = plain()
    both = [state, other.state_dict()]
    maker.add("a list of two", both, refused=("TORCH_CHECKPOINT_UNSUPPORTED", "key: '1'"))
    maker.add("the second of a list", both, other, options={"key": "1"})
    for protocol in [2, 3, 4, 5]:
        saver = lambda saved, path: torch.save(saved, path, pickle_protocol=protocol)
        maker.add(f"protocol {protocol}", {"net": state, "kind": int, "steps": range(4), "names": {"a"}}, model, save=saver)
        old = lambda saved, path: torch.save(saved, path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
        maker.add(f"protocol {protocol}, legacy", {"net": state, "kind": str}, model, save=old)
    try:
        from safetensors.torch import save_file
    except ImportError:
        return
    maker.add("safetensors", dict(prefixed(state, "backbone.")), model, save=save_file)


class Swish(nn.Module):
    """An activation of one's own."""

    def forward(self, x):
        return x * torch.sigmoid(x)


class StdConv2d(nn.Conv2d):
    """A convolution of standardized weights, as of timm's ResNet-V2."""

    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class BlurPool2d(nn.Module):
    """What timm puts behind a convolution that skips pixels; its filter is in no state dict."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("filt", torch.ones(channels, 1, 3, 3) / 9, persistent=False)

    def forward(self, x):
        return F.conv2d(x, self.filt, padding=1, groups=self.filt.shape[0])


class DropBlock2d(nn.Module):
    def forward(self, x):
        return x


class Blurred(BasicBlock):
    def forward(self, x):
        out = self.aa(self.relu(self.bn1(self.conv1(x))))
        out = self.drop_block(self.bn2(self.conv2(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Color(enum.Enum):
    RED = functools.partial(max, 1)


def companions(maker):
    """What training scripts save beside the weights; none of it is ever run."""
    model = plain()
    state = model.state_dict()
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10)
    values = {
        "types": [int, str, type(None), range, bytes, complex, object, frozenset, slice, type(Ellipsis), type],
        "constants": [Ellipsis, NotImplemented],
        "an exception": ValueError("x", 3),
        "functions": [max, len, sorted, print, torch.relu, math.sqrt, operator.add, os.path.join],
        "a partial": functools.partial(nn.BatchNorm2d, eps=1e-3),
        "a partial of a partial": functools.partial(functools.partial(max, 1), key=abs),
        "getters": [operator.itemgetter(1, 2), operator.attrgetter("a.b"), operator.methodcaller("strip", "x")],
        "a bound method": nn.Linear(1, 2).forward,
        "a class method": torch.Size.count,
        "an enum member": Color.RED,
        "dates and paths": [datetime.datetime(2024, 5, 6), datetime.timedelta(1), pathlib.PurePosixPath("a/b")],
        "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 2**80, 3 + 4j, float("nan")],
        "a uuid": uuid.UUID(int=5),
        "a namespace": argparse.Namespace(a=1, b=[1]),
        "collections": [collections.Counter("aab"), collections.deque([1]), collections.ChainMap({1: 2}),
                        collections.UserDict(a=1), {frozenset({1})}],
        "a schedule": schedule.state_dict(),
        "a schedule as an object": schedule,
        "an optimizer as an object": optimizer,
        "a dtype, device, size": [torch.float16, torch.device("cpu"), torch.Size([1])],
        "random states": [torch.get_rng_state(), random.getstate()],
        "a storage": torch.ones(3).untyped_storage(),
        "a buffer in memory": io.BytesIO(b"abc"),
        "odd tensors": [torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr(), torch.empty(2, device="meta"),
                        torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), torch.ones(2, dtype=torch.complex64).conj(),
                        torch.ones(3, dtype=torch.float8_e4m3fn), torch.empty(0, 6)[:, 1:], nn.Parameter(torch.ones(1))],
        "a transform": torch.nn.Sequential(nn.ReLU(), nn.GELU(approximate="tanh")),
    }
    try:
        import numpy

        values["numpy"] = [numpy.float32(1), numpy.arange(3), numpy.str_("x"), numpy.dtype("f4"), numpy.random.get_state(),
                           numpy.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), numpy.array(["a", "b"]),
                           numpy.datetime64("2024-01-01"), numpy.float64, numpy.array([None, {}], dtype=object)]
        values["a numpy record"] = numpy.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
        values["a numpy generator"] = numpy.random.default_rng(1)
    except ImportError:
        pass
    for name, value in values.items():
        for protocol in [2, 4]:
            saver = lambda saved, path: torch.save(saved, path, pickle_protocol=protocol)
            maker.add(f"{name}, protocol {protocol}", {"value": value, "state_dict": state}, model, save=saver)
    for name, value in {"os.system": os.system, "a partial of os.system": functools.partial(os.system, "true"),
                        "eval": functools.partial(eval, "1")}.items():
        maker.add(name, {"value": value, "state_dict": state}, refused=("TORCH_CHECKPOINT_UNSAFE", name.split(" ")[-1][-4:]))


def shards(maker):
    """Tensors that several processes could share, here a single one."""
    if not torch.distributed.is_available():
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    mesh = init_device_mesh("cpu", (1,))
    model = plain()
    state = {key: distribute_tensor(value, mesh, [Shard(0)]) if value.ndim > 0 else value for key, value in model.state_dict().items()}
    maker.add("DTensors of one process", state, model)
    torch.distributed.destroy_process_group()


def wholes(maker):
    """Modules that were pickled as a whole."""
    whole = {"wholeModule": True}
    model = plain()
    maker.add("a whole module, without the option", model, refused=("TORCH_CHECKPOINT_UNSUPPORTED", "wholeModule: true"))
    maker.add("a whole module", model, model, options=whole)
    maker.add("a whole module in a dict", {"model": model, "epoch": 3}, model, options=whole)
    maker.add("a whole module in DataParallel", nn.DataParallel(model), model, options=whole)
    maker.add("a whole compiled module", torch.compile(model), model, options=whole)
    cifar = shake(SmallResNet())
    maker.add("a whole CIFAR network", cifar, cifar, side=32, options=whole)
    eps = plain()
    for module in eps.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    unpooled = plain()
    unpooled.maxpool = nn.Identity()
    gap = plain()
    gap.fc = nn.Sequential(nn.Linear(8 * WIDTH, 9), nn.Dropout(), nn.Linear(9, CLASSES))
    for name, changed in {"eps of 1e-3": eps, "no max-pool": unpooled, "a Dropout between linear layers": gap}.items():
        maker.add(f"a whole module with {name}", changed, changed.eval(), options=whole)
        traced = torch.jit.trace(changed, maker.input(3))
        maker.add(f"a traced module with {name}", traced, changed, save=torch.jit.save)
    for name, activation in {"LeakyReLU": nn.LeakyReLU(0.1), "GELU": nn.GELU()}.items():
        changed = plain()
        for module in changed.modules():
            if hasattr(module, "relu"):
                module.relu = activation
        maker.add(f"a whole module with {name}", changed, options=whole, refused=("TORCH_ARCHITECTURE", name))
    nested = plain()
    nested.maxpool = nn.Sequential(nn.MaxPool2d(3, 2, 1))
    maker.add("a whole module with its max-pool in a Sequential", nested, nested, options=whole)
    pooled = plain()
    pooled.relu = nn.Sequential(nn.ReLU(), nn.AvgPool2d(2))
    normed = plain()
    normed.bn1 = nn.Sequential(normed.bn1, nn.Tanh())
    for name, place, changed in [("AvgPool2d", "relu.1", pooled), ("Tanh", "bn1.1", normed)]:
        refused = ("TORCH_ARCHITECTURE", f'"{place}" is {name}')
        maker.add(f"a whole module with {name} in a Sequential of its stem", changed, options=whole, refused=refused)
    own = plain()
    own.relu = Swish()
    padded = plain()
    padded.conv1 = nn.Sequential(nn.ZeroPad2d((3, 2, 3, 2)), nn.Conv2d(3, WIDTH, 7, 2, bias=False))
    standard = plain()
    standard.conv1 = StdConv2d(3, WIDTH, 7, 2, 3, bias=False)
    blurred, dropped = shake(ResNet(Blurred)), shake(ResNet(Blurred))
    for model, pools in [(blurred, BlurPool2d), (dropped, lambda channels: nn.Identity())]:
        for module in model.modules():
            if isinstance(module, Blurred):
                module.aa, module.drop_block = pools(module.conv1.out_channels), DropBlock2d()
    for name, changed in {"Swish": own, "ZeroPad2d": padded, "StdConv2d": standard, "BlurPool2d": blurred}.items():
        maker.add(f"a whole module with {name}", changed, options=whole, refused=("TORCH_ARCHITECTURE", name))
    maker.add("a whole module with DropBlock2d", dropped, dropped.eval(), options=whole)
    option_a = shake(SmallResNet(layers=(2, 2, 2), option="A"))
    maker.add("a whole CIFAR network, option A", option_a, option_a, side=32, options=whole)
    tanh = plain()
    tanh.fc = nn.Sequential(nn.Linear(8 * WIDTH, 9), nn.Tanh(), nn.Linear(9, CLASSES))
    maker.add("a whole module with Tanh in its head", tanh, options=whole, refused=("TORCH_ARCHITECTURE", "Tanh"))
    norm = plain()
    norm.norm_layer = functools.partial(nn.BatchNorm2d, eps=1e-3)
    maker.add("a whole module that holds a partial", norm, norm, options=whole)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    # Whole modules name their classes by the module that they can be imported from.
    sys.modules["wild"] = sys.modules[__name__]
    for value in list(globals().values()):
        if isinstance(value, type) and value.__module__ == "__main__":
            value.__module__ = "wild"
    torch.manual_seed(20)
    torch.set_num_threads(1)
    maker = Maker(folder)
    for make in [prefixes, aliases, heads, stems, families, containers, companions, wholes, shards]:
        make(maker)
    maker.finish()
    print(len(maker.rows))


if __name__ == "__main__":
    import torch.fx.experimental.optimization

    main(pathlib.Path(sys.argv[1]))
