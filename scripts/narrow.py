"""Cuts the networks of libraries to a small part of their channels, so that fixtures of them can be committed."""

import torch
from torch import nn

FACTOR = 32


def narrow(model, factor=FACTOR):
    """Keeps one of `factor` channels in each layer, so that the library's own classes and forward() stay."""

    def cut(count):
        return count if count <= 4 else max(1, count // factor)

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            inputs, outputs, groups = module.in_channels, module.out_channels, module.groups
            module.out_channels = cut(outputs)
            if groups == 1:
                module.in_channels = cut(inputs)
                kept = module.in_channels
            else:
                # The channels of a group stay, and there are fewer groups.
                module.groups = max(1, groups // factor)
                module.in_channels = cut(inputs)
                kept = module.in_channels // module.groups
            module.weight = nn.Parameter(torch.randn(module.out_channels, kept, *module.kernel_size) * (2 / kept / 9) ** 0.5)
            if module.bias is not None:
                module.bias = nn.Parameter(torch.randn(module.out_channels) * 0.2)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) or hasattr(module, "running_var"):
            width = cut(module.weight.shape[0])
            if hasattr(module, "num_features"):
                module.num_features = width
            scale, shift = torch.rand(width) + 0.5, torch.randn(width) * 0.3
            # torchvision's FrozenBatchNorm2d has buffers where others have parameters.
            is_parameter = isinstance(module.weight, nn.Parameter)
            module.weight = nn.Parameter(scale) if is_parameter else scale
            module.bias = nn.Parameter(shift) if is_parameter else shift
            module.running_mean, module.running_var = torch.randn(width) * 0.3, torch.rand(width) * 1.5 + 0.5
        elif isinstance(module, nn.Linear):
            module.in_features = cut(module.in_features)
            module.weight = nn.Parameter(torch.randn(module.out_features, module.in_features) * 0.5)
        elif hasattr(module, "filt"):  # timm's BlurPool2d
            module.channels = cut(module.channels)
            module.filt = module.filt[: module.channels]
    return model.eval()
