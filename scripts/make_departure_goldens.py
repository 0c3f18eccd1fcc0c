"""Writes test/goldens/models/departures.safetensors: networks that depart from the reference of their family, as PyTorch has them.

Run with a Python that has torch 2.13.0 and numpy: python scripts/make_departure_goldens.py

A row holds the description that `createModel` is given, the keys of the state dict in order, and the logits. The weights are not
stored: both sides compute them by the formula in goldens_format.py. The networks are those of wild.py.
"""

import torch
from torch import nn

import wild
from goldens_format import formula_state, formula_tensor, write_safetensors

CLASSES, WIDTH, SHAPE = 5, 8, (2, 3, 32, 32)
REFERENCE = {
    "family": "resnet", "name": "", "block": "BasicBlock", "layers": [1, 1, 1, 1], "numClasses": CLASSES, "inputChannels": 3,
    "width": WIDTH, "groups": 1, "widthPerGroup": 64, "kernelSize": 3, "prefix": "", "dtype": None,
}  # fmt: skip


def large(block=wild.BasicBlock, layers=(1, 1, 1, 1), **options):
    return wild.ResNet(block, layers, width=WIDTH, **options)


def small(block=wild.SmallBlock, layers=(1, 1, 1), **options):
    return wild.SmallResNet(block, layers, width=WIDTH, **options)


def with_bias(model, chosen):
    """Gives a bias to the convolutions whose name is chosen."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Conv2d) and chosen(name):
            module.bias = nn.Parameter(torch.empty(module.out_channels))
    return model


def without_norm(model):
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, nn.Identity())
    return with_bias(model, lambda name: True)


def stem(model, size, stride, max_pool, bias=False):
    model.conv1 = nn.Conv2d(3, WIDTH, size, stride, size // 2, bias=bias)
    if not max_pool:
        model.maxpool = nn.Identity()
    return model


def deep_stem(model):
    model.conv1 = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
        nn.Conv2d(6, WIDTH, 3, 1, 1, bias=False))  # fmt: skip
    return model


def average_down(model):
    """timm's avg_down."""
    for stage in range(1, 5):
        block = getattr(model, f"layer{stage}")[0]
        if block.downsample is None:
            continue
        conv, norm = block.downsample
        pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False) if conv.stride == (2, 2) else nn.Identity()
        conv = nn.Conv2d(conv.in_channels, conv.out_channels, 1, bias=False)
        block.downsample = nn.Sequential(pool, conv, norm)
    return model


def head(model, *layers, name="fc", pool=None):
    setattr(model, name, nn.Sequential(*layers) if len(layers) > 1 else layers[0])
    if pool is not None:
        model.avgpool = pool
    return model


def linear(inputs, outputs=CLASSES, bias=True):
    return {"type": "Linear", "inFeatures": inputs, "outFeatures": outputs, "bias": bias}


def norm(features, affine=True):
    return {"type": "BatchNorm1d", "numFeatures": features, "affine": affine}


def stem_form(size, stride, max_pool, inner=(), bias=False):
    return {"kernelSize": size, "stride": stride, "inner": list(inner), "maxPool": max_pool, "bias": bias}


NOTHING, RELU = {"type": "Identity"}, {"type": "ReLU"}
BOTTLENECK = {"block": "Bottleneck"}
CIFAR, THREE = {"family": "resnet-cifar"}, [1, 1, 1]
PREACT = {"family": "preact-resnet"}


def rows():
    """Name, what differs from REFERENCE, the departures, and PyTorch's network."""
    yield "a width of 8", {}, None, large()
    yield "a width of 8 and groups", {**BOTTLENECK, "groups": 2, "widthPerGroup": 32}, None, large(wild.Bottleneck, groups=2, base=32)
    yield "a 3×3 stem without max-pool", {}, {"stem": stem_form(3, 1, False)}, stem(large(), 3, 1, False)
    yield "a 3×3 stem with max-pool and bias", {}, {"stem": stem_form(3, 2, True, bias=True)}, stem(large(), 3, 2, True, True)
    yield "a deep stem", {}, {"stem": stem_form(3, 2, True, [4, 6])}, deep_stem(large())
    yield "averaging shortcuts", {}, {"shortcut": "avgpool"}, average_down(large())
    yield "averaging shortcuts of bottlenecks", BOTTLENECK, {"shortcut": "avgpool"}, average_down(large(wild.Bottleneck))
    inner = with_bias(large(), lambda name: "layer" in name and "downsample" not in name)
    yield "biases in the blocks", {}, {"convBias": True}, inner
    yield "biases in the shortcuts", {}, {"shortcutBias": True}, with_bias(large(), lambda name: "downsample" in name)
    yield "fused normalizations", {}, {"norm": "none"}, without_norm(large())
    yield "no head", {"numClasses": 0}, {"head": []}, head(large(), nn.Identity())
    yield "a head without bias", {}, {"head": [linear(64, bias=False)]}, head(large(), nn.Linear(64, CLASSES, bias=False))
    fastai = [nn.Identity(), nn.BatchNorm1d(128), nn.Linear(128, 16, bias=False), nn.ReLU(), nn.BatchNorm1d(16, affine=False), nn.Linear(16, CLASSES)]
    forms = [NOTHING, norm(128), linear(128, 16, bias=False), RELU, norm(16, affine=False), linear(16)]
    yield "fastai's head", {}, {"pooling": "max-avg", "head": forms}, head(large(), *fastai, pool=wild.ConcatPool())

    yield "three stages for small images", {**CIFAR, "layers": [2, 1, 1]}, None, small(layers=(2, 1, 1))
    yield "three stages that pad", {**CIFAR, "layers": THREE}, {"shortcut": "pad"}, small(option="A")
    yield "bottlenecks for small images", {**CIFAR, **BOTTLENECK}, None, small(wild.SmallBottleneck, (1, 1, 1, 1))
    yield "fused normalizations for small images", {**CIFAR, "layers": THREE}, {"norm": "none"}, without_norm(small())
    layers = [nn.Linear(32, 7), nn.ReLU(), nn.Linear(7, CLASSES)]
    forms = [linear(32, 7), RELU, linear(7)]
    yield "two layers as head for small images", {**CIFAR, "layers": THREE}, {"head": forms}, head(small(), *layers, name="linear")

    yield "pre-activation in four stages", {**PREACT, "layers": [2, 1, 1, 1]}, None, small(wild.PreActBlock, (2, 1, 1, 1))
    wide = small(wild.PreActBlock, stem=3, final=True)
    yield "a wide network with pre-activation", {**PREACT, "layers": THREE}, {"finalNorm": True, "stemWidth": 3}, wide


@torch.inference_mode()
def main():
    tensors, cases = {}, []
    for name, sizes, departures, model in rows():
        architecture = {**REFERENCE, **sizes, **({} if departures is None else {"departures": departures})}
        tensors[f"{len(cases)}.logits"] = formula_state(model)(formula_tensor("input", SHAPE, 2.0))
        keys = [f"{key} {','.join(map(str, value.shape))}" for key, value in model.state_dict().items()]
        cases.append({"name": name, "architecture": architecture, "shape": SHAPE, "keys": keys})
    write_safetensors("models/departures", tensors, {"torch": torch.__version__, "cases": cases})


if __name__ == "__main__":
    main()
