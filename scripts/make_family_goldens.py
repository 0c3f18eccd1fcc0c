"""Writes test/goldens/models/families.{json,safetensors}: what torchvision's classification models are and compute.

Run with a Python that has torch 2.13.0 and torchvision 0.28.0: python scripts/make_family_goldens.py

The JSON says of each of the 80 models: its parameters, a digest of its state dict's keys, shapes and dtypes, and how the
images of its published weights are prepared. The tensors are logits: `NAME.seed` by the rule of torchvision's own
test_models.py (seed 0, 50 classes, one input of the same generator), and `NAME.formula` of the weights by formula that
goldens_format.py gives, at a batch and size that are odd where the model takes any; `NAME.formula.HEAD` is what a head
in the middle gives of a feature map by formula.
"""

import hashlib
import json
import sys
import warnings

import torch

# The models need none of torchvision's operators in C++, whose library may be built for another torch.
_OPERATORS = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):
    _OPERATORS.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import torchvision  # noqa: E402
from torchvision import models  # noqa: E402

from goldens_format import FOLDER, formula_tensor, write_safetensors  # noqa: E402

warnings.simplefilter("ignore")

# Logits are made for models up to these sizes; larger ones differ from them in depth and width alone.
MAX_SEED_PARAMETERS = 50_000_000
MAX_FORMULA_PARAMETERS = 12_000_000

# One model a family where the smallest is larger than that.
FORMULA = ["vit_b_32", "alexnet", "convnext_tiny", "swin_t", "swin_v2_t", "maxvit_t", "vgg11_bn", "googlenet", "inception_v3", "efficientnet_v2_s"]

# Heads in the middle, and the shape of what each reads.
AUX = {"googlenet": {"aux1": (2, 512, 14, 14), "aux2": (2, 528, 14, 14)}, "inception_v3": {"AuxLogits": (2, 768, 17, 17)}}

# They take images of one size.
FIXED = {"vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14", "maxvit_t"}
SIZES = {"inception_v3": (299, 299)}


def build(name, **options):
    # torchvision warns that this default will change; it is what the models here have.
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = True
    return models.get_model(name, **options)


def digest(model):
    lines = [
        f"{key} {','.join(map(str, value.shape))} {str(value.dtype).removeprefix('torch.')}"
        for key, value in model.state_dict().items()
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def preset_of(name):
    transforms = models.get_model_weights(name).DEFAULT.transforms()
    return {
        "resize": transforms.resize_size[0],
        "crop": transforms.crop_size[0],
        "interpolation": transforms.interpolation.value,
        "mean": transforms.mean,
        "std": transforms.std,
    }


def formula_state(model):
    """As goldens_format.formula_state, but what is no float stays."""
    # With the versions of its modules, which MNASNet asks for.
    state = model.state_dict()
    for key, value in list(state.items()):
        shape = tuple(value.shape)
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
        elif not value.is_floating_point() or key.endswith("relative_coords_table"):
            state[key] = value
        elif key.endswith("layer_scale"):
            state[key] = formula_tensor(key, shape, 0.25, 0.5)
        elif len(shape) > 1:
            fan_in = value[0].numel()
            state[key] = formula_tensor(key, shape, (6 / fan_in) ** 0.5)
        elif key.endswith("running_var"):
            state[key] = formula_tensor(key, shape, 0.5, 1.0)
        elif key.endswith("weight"):
            state[key] = formula_tensor(key, shape, 0.25, 0.5)
        else:
            state[key] = formula_tensor(key, shape, 0.1)
    model.load_state_dict(state)
    return model.eval()


def shapes_of(name):
    height, width = SIZES.get(name, (224, 224))
    odd = (2, 3, height, width) if name in FIXED else (2, 3, 129, 97)
    return (1, 3, height, width), odd


@torch.no_grad()
def main():
    names = models.list_models(module=models)
    facts, tensors = {}, {}
    for name in names:
        # A RegNet computes its widths with tensors, which have no values there.
        with torch.device("cpu" if name.startswith("regnet") else "meta"):
            model = build(name)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        facts[name] = {"parameters": parameters, "digest": digest(model), "preset": preset_of(name)}
        seeded, odd = shapes_of(name)
        if name in FORMULA or parameters <= MAX_SEED_PARAMETERS:
            torch.manual_seed(0)
            model = build(name, num_classes=50).eval()
            tensors[f"{name}.seed"] = model(torch.rand(seeded))
        if name in FORMULA or (parameters <= MAX_FORMULA_PARAMETERS):
            model = formula_state(build(name, num_classes=50))
            tensors[f"{name}.formula"] = model(formula_tensor("input", odd, 2.0))
            for head, shape in AUX.get(name, {}).items():
                tensors[f"{name}.formula.{head}"] = model.get_submodule(head)(formula_tensor(head, shape))
            facts[name]["odd"] = odd
        sizes = [f"{role} {tensors[f'{name}.{role}'].abs().max().item():.3g}" for role in ("seed", "formula") if f"{name}.{role}" in tensors]
        print(f"{name}: {parameters:,} parameters; logits up to {', '.join(sizes) or '(none)'}", file=sys.stderr, flush=True)
    header = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(fact)}" for name, fact in facts.items())
    (FOLDER / "models" / "families.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    write_safetensors("models/families", tensors, header)


main()
