"""Makes weights, inputs and float64 logits for the engine benchmark; bench/engine/prepare.ts starts it.

python bench/engine/python/make_model.py imagenet FOLDER IMAGES

Writes weights.pth, inputs.bin (float32, N x C x H x W) and reference.bin (float64, N x classes). Weights are drawn as
torch draws them (Kaiming), from a seed, and batch normalization has the statistics of such inputs, so that activations
are as large as those of a trained network.
"""

import sys
from pathlib import Path

import torch
from networks import NETWORKS
from torch import nn
from torch.nn import functional as F

SEED = 20
CALIBRATION_BATCHES = 4
CALIBRATION_BATCH_SIZE = 16
REFERENCE_BATCH_SIZE = 8


def images(count, shape):
    """Smooth images with noise: pure noise all looks alike to a network, and top-1 would mean nothing."""
    channels, height, width = shape
    smooth = F.interpolate(torch.randn(count, channels, 5, 5), (height, width), mode="bicubic", align_corners=False)
    return smooth + 0.3 * torch.randn(count, *shape)


def initialize(net):
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            # The plain average of all batches.
            module.momentum = None


def calibrate(net, shape):
    net.train()
    for _ in range(CALIBRATION_BATCHES):
        net(images(CALIBRATION_BATCH_SIZE, shape))
    net.eval()


def main():
    name, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    make, shape = NETWORKS[name]
    torch.manual_seed(SEED)
    with torch.no_grad():
        net = make()
        initialize(net)
        calibrate(net, shape)
        torch.save(net.state_dict(), folder / "weights.pth")

        torch.manual_seed(SEED + 1)
        inputs = images(count, shape)
        inputs.numpy().tofile(folder / "inputs.bin")
        exact = net.double()
        logits = torch.cat([exact(batch.double()) for batch in inputs.split(REFERENCE_BATCH_SIZE)])
        logits.numpy().tofile(folder / "reference.bin")
    print(f"{name}: {count} images, logits of standard deviation {logits.std():.3f}")


main()
