"""The modules and keys of torchvision's ResNets with torch alone, so that goldens can be made where torchvision is not.

Where torchvision can be imported, `python scripts/resnet.py` compares the two: keys, shapes, repr and logits.
"""

from torch import nn


def conv(inputs, outputs, size, stride=1, groups=1, dilation=1):
    padding = dilation * (size // 2)
    return nn.Conv2d(inputs, outputs, size, stride, padding, dilation, groups, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs, planes, stride, downsample, groups, width, dilation):
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

    def __init__(self, inputs, planes, stride, downsample, groups, width, dilation):
        super().__init__()
        inner = planes * width // 64 * groups
        self.conv1 = conv(inputs, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, inner, 3, stride, groups, dilation)
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
    def __init__(self, block, layers, groups=1, width_per_group=64, dilate=(False, False, False), num_classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        inputs, dilation = 64, 1
        for stage, (count, dilated) in enumerate(zip(layers, (False, *dilate), strict=True)):
            planes = 64 * 2**stage
            outputs = planes * block.expansion
            stride, before = 1 if stage == 0 else 2, dilation
            if dilated:
                stride, dilation = 1, dilation * stride
            downsample = None
            if stride != 1 or inputs != outputs:
                downsample = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
            blocks = [block(inputs, planes, stride, downsample, groups, width_per_group, before)]
            for _ in range(count - 1):
                blocks.append(block(outputs, planes, 1, None, groups, width_per_group, dilation))
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


RESNETS = {
    "resnet18": (BasicBlock, [2, 2, 2, 2], {}),
    "resnet34": (BasicBlock, [3, 4, 6, 3], {}),
    "resnet50": (Bottleneck, [3, 4, 6, 3], {}),
    "resnet101": (Bottleneck, [3, 4, 23, 3], {}),
    "resnet152": (Bottleneck, [3, 8, 36, 3], {}),
    "resnext50_32x4d": (Bottleneck, [3, 4, 6, 3], {"groups": 32, "width_per_group": 4}),
    "resnext101_32x8d": (Bottleneck, [3, 4, 23, 3], {"groups": 32, "width_per_group": 8}),
    "resnext101_64x4d": (Bottleneck, [3, 4, 23, 3], {"groups": 64, "width_per_group": 4}),
    "wide_resnet50_2": (Bottleneck, [3, 4, 6, 3], {"width_per_group": 128}),
    "wide_resnet101_2": (Bottleneck, [3, 4, 23, 3], {"width_per_group": 128}),
}


def resnet(name, **options):
    block, layers, fixed = RESNETS[name]
    return ResNet(block, layers, **fixed, **options)


def compare():
    import torch
    from torchvision import models

    x = torch.randn(2, 3, 97, 80)
    for name in RESNETS:
        ours, theirs = resnet(name).eval(), models.get_model(name).eval()
        state = theirs.state_dict()
        assert list(state) == list(ours.state_dict()), f"{name}: other keys"
        assert repr(ours) == repr(theirs), f"{name}: another repr"
        ours.load_state_dict(state)
        with torch.inference_mode():
            difference = (ours(x) - theirs(x)).abs().max().item()
        assert difference < 1e-5, f"{name}: logits differ by {difference}"
        print(f"{name}: {len(state)} entries, repr and logits are torchvision's (difference {difference:.1e})")


if __name__ == "__main__":
    compare()
