"""The networks of the engine benchmark, made of scripts/resnet.py and scripts/resnet_cifar.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
import resnet  # noqa: E402
import resnet_cifar  # noqa: E402

NETWORKS = {
    "imagenet": (lambda: resnet.resnet("resnet18"), (3, 224, 224)),
    "cifar": (resnet_cifar.resnet18, (3, 32, 32)),
}


def load(name, checkpoint):
    import torch

    net = NETWORKS[name][0]()
    net.load_state_dict(torch.load(checkpoint, weights_only=True))
    return net.eval()
