"""Makes whole modules and TorchScript archives of ResNets whose layers differ from torchvision's, with the logits of PyTorch.

    python scripts/make_facts_checkpoints.py FOLDER

Each network is saved as a whole module, traced, and scripted. `manifest.json` in the folder says what is expected of each: logits
for the image in `input.bin` (3, 64, 64), or what the message of the refusal has to name. `test/model/file_facts.test.ts` reads it.
"""

import json
import pathlib
import sys

import torch
from torch import nn

WIDTH = 8
CLASSES = 5
SIDE = 64


class BasicBlock(nn.Module):
    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.extra = nn.Identity()
        self.downsample = None
        if stride != 1 or inputs != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.extra(self.bn2(self.conv2(out)))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu(out + x)


class ResNet(nn.Module):
    """torchvision's ResNet-18, with a width."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self.stage(WIDTH, WIDTH, 1)
        self.layer2 = self.stage(WIDTH, 2 * WIDTH, 2)
        self.layer3 = self.stage(2 * WIDTH, 4 * WIDTH, 2)
        self.layer4 = self.stage(4 * WIDTH, 8 * WIDTH, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8 * WIDTH, CLASSES)

    def stage(self, inputs, planes, stride):
        return nn.Sequential(BasicBlock(inputs, planes, stride), BasicBlock(planes, planes, 1))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class SqueezeExcitation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.gate = nn.Sigmoid()

    def forward(self, x):
        return x * self.gate(self.pool(x))


def eps(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3


def no_maxpool(model):
    model.maxpool = nn.Identity()


def other_maxpool(model):
    model.maxpool = nn.MaxPool2d(2, 2, ceil_mode=True)


def average_for_maxpool(model):
    model.maxpool = nn.AvgPool2d(3, 2, 1, count_include_pad=False)


def leaky(model):
    for block in [model, *model.layer1, *model.layer2, *model.layer3, *model.layer4]:
        block.relu = nn.LeakyReLU(0.1, inplace=True)


def dilated(model):
    """What replace_stride_with_dilation=[False, False, True] does to blocks that can be dilated."""
    for index, block in enumerate(model.layer4):
        block.conv1.stride = (1, 1)
        block.conv2.dilation = block.conv2.padding = (2, 2)
        if index > 0:
            block.conv1.dilation = block.conv1.padding = (2, 2)
    model.layer4[0].downsample[0].stride = (1, 1)


def moved_stride(model):
    for stage in [model.layer2, model.layer3, model.layer4]:
        stage[0].conv1.stride = (1, 1)
        stage[0].conv2.stride = (2, 2)


def stem_stride(model):
    model.conv1.stride = (1, 1)


def reflect(model):
    model.conv1 = nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False, padding_mode="reflect")


def same(model):
    model.layer1[0].conv1 = nn.Conv2d(WIDTH, WIDTH, 3, padding="same", bias=False)


def maximum_for_avgpool(model):
    model.avgpool = nn.AdaptiveMaxPool2d(1)


def window_for_avgpool(model):
    model.avgpool = nn.AvgPool2d(2)


def no_relu(model):
    model.layer2[1].relu = nn.Identity()


def dropout(model):
    model.layer3[0].extra = nn.Dropout(0.3)


def second_activation(model):
    model.layer2[0].extra = nn.Tanh()


def gate(model):
    model.layer1[1].extra = SqueezeExcitation(WIDTH)


def smoothing(model):
    model.layer1[1].extra = nn.AvgPool2d(3, 1, 1)


def tanh_head(model):
    model.fc = nn.Sequential(nn.Linear(8 * WIDTH, 7), nn.Tanh(), nn.Linear(7, CLASSES))


def dropout_head(model):
    model.fc = nn.Sequential(nn.Linear(8 * WIDTH, 7), nn.Dropout(), nn.Linear(7, CLASSES))


def unchanged(model):
    pass


# The change, and what the message of a refusal names; None where the answer is PyTorch's.
CASES = [
    (unchanged, None),
    (eps, None),
    (no_maxpool, None),
    (other_maxpool, None),
    (average_for_maxpool, None),
    (leaky, "LeakyReLU(negative_slope=0.1)"),
    (dilated, None),
    (moved_stride, None),
    (stem_stride, None),
    (reflect, None),
    (same, None),
    (maximum_for_avgpool, "AdaptiveMaxPool2d"),
    (window_for_avgpool, None),
    (no_relu, None),
    (dropout, None),
    (second_activation, "Tanh"),
    (gate, "SqueezeExcitation"),
    (smoothing, "AvgPool2d"),
    (tanh_head, "Tanh"),
    (dropout_head, None),
]


def shake(model):
    """Draws statistics and scales, so that none is 0 or 1."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            module.running_mean.normal_(0, 0.3)
            # Small, so that eps counts.
            module.running_var.uniform_(0.01, 0.1)
    return model.eval()


def main(folder):
    torch.manual_seed(0)
    image = torch.randn(1, 3, SIDE, SIDE)
    (folder / "input.bin").write_bytes(image.numpy().tobytes())
    rows = []
    for change, refused in CASES:
        model = ResNet()
        change(model)
        shake(model)
        with torch.inference_mode():
            logits = model(image).double().flatten().tolist()
        # Sequential has no attributes of its class's own: its order is all that tells what is what.
        flat = nn.Sequential(*list(model.children())[:-1], nn.Flatten(), model.fc).eval()
        forms = {
            "whole": lambda path: torch.save(model, path),
            "traced": lambda path: torch.jit.save(torch.jit.trace(model, image), path),
            "scripted": lambda path: torch.jit.save(torch.jit.script(model), path),
            "sequential": lambda path: torch.save(flat, path),
            "traced sequential": lambda path: torch.jit.save(torch.jit.trace(flat, image), path),
        }
        for form, save in forms.items():
            name = f"{change.__name__}-{form.replace(' ', '-')}.pt"
            save(str(folder / name))
            rows.append({"change": change.__name__.replace("_", " "), "form": form, "file": name, "refused": refused, "logits": logits})
    (folder / "manifest.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
