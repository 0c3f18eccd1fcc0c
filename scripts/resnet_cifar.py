"""The ResNet of the CIFAR training scripts, in PyTorch: what lib/models/resnet_cifar.ts follows, key by key."""

from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1, kernel_size=3):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size, stride, kernel_size // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, block, layers, num_classes=10, kernel_size=3, width=64, input_channels=3):
        super().__init__()
        self.in_planes = width
        self.conv1 = nn.Conv2d(input_channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = self._make_layer(block, width, layers[0], 1, kernel_size)
        self.layer2 = self._make_layer(block, width * 2, layers[1], 2, kernel_size)
        self.layer3 = self._make_layer(block, width * 4, layers[2], 2, kernel_size)
        self.layer4 = self._make_layer(block, width * 8, layers[3], 2, kernel_size)
        self.linear = nn.Linear(width * 8 * block.expansion, num_classes)

    def _make_layer(self, block, planes, count, stride, kernel_size):
        blocks = []
        for step in [stride] + [1] * (count - 1):
            blocks.append(block(self.in_planes, planes, step, kernel_size))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*blocks)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        out = F.avg_pool2d(out, 4)
        return self.linear(out.view(out.size(0), -1))


def resnet18(**options):
    return ResNet(BasicBlock, [2, 2, 2, 2], **options)


def resnet34(**options):
    return ResNet(BasicBlock, [3, 4, 6, 3], **options)
