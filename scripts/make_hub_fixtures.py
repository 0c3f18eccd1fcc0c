"""Makes folders as timm and transformers push them to a hub, and the logits that those libraries compute of a photo.

    pip install -r scripts/wild_requirements.txt
    python scripts/make_hub_fixtures.py test/fixtures/hub

The libraries write the folders and prepare the photo: timm by `create_transform(**resolve_data_config(…, use_test_size=True))`,
transformers by its image processor that uses Pillow. Weights are random, and `narrow.py` or the config keeps networks small; a Vision
Transformer has to have torchvision's sizes, so that its matrices are one row or column each, expanded, which `torch.save` keeps.
`expected.json` holds for each folder the size of the input, the SHA-256 of its pixels as bytes, and the logits.
"""

import argparse
import hashlib
import json
import pathlib
import shutil

import timm
import torch
import transformers
from narrow import narrow
from PIL import Image

PHOTO = pathlib.Path(__file__).parent.parent / "test/fixtures/vision/photo.jpg"
LABELS = ["ant", "bee", "cat", "dog", "elk"]
ID2LABEL = dict(enumerate(LABELS))
LABEL2ID = {label: index for index, label in enumerate(LABELS)}
# Rows of a Vision Transformer's matrices are drawn once for so many layers, whose parameters share memory in the file.
DRAWN_LAYERS = 2


def describe(pixels, mean, std, logits):
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (mean, std))
    as_bytes = ((pixels[0] * std + mean) * 255).round().to(torch.uint8)
    digest = hashlib.sha256(as_bytes.numpy().tobytes()).hexdigest()
    return {"input": list(pixels.shape[1:]), "pixels": digest, "logits": logits[0].tolist()}


def of_timm(folder, model, config=None, **options):
    timm.models.save_for_hf(model, folder, model_config={"label_names": LABELS, **(config or {})}, **options)
    settings = timm.data.resolve_data_config({}, model=model, use_test_size=True)
    image = timm.data.create_transform(**settings, is_training=False)(Image.open(PHOTO).convert("RGB")).unsqueeze(0)
    # What the folder says, and not what made it.
    again = timm.data.resolve_data_config({}, pretrained_cfg=json.loads((folder / "config.json").read_text())["pretrained_cfg"], use_test_size=True)
    assert {key: str(value) for key, value in again.items()} == {key: str(value).replace("(", "[").replace(")", "]") for key, value in settings.items()}
    return describe(image, settings["mean"], settings["std"], model(image))


def of_transformers(folder, model, processor, as_pickle=False, **options):
    processor.save_pretrained(folder)
    if as_pickle:
        # Version 5 writes safetensors alone, which cannot hold expanded tensors; the names are those that it writes.
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        saved = transformers.core_model_loading.revert_weight_conversion(model, model.state_dict())
        torch.save(dict(saved), folder / "pytorch_model.bin")
    else:
        model.save_pretrained(folder, **options)
    opened = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    pil = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixels = pil(Image.open(PHOTO).convert("RGB"), return_tensors="pt")["pixel_values"]
    fast = transformers.AutoImageProcessor.from_pretrained(folder, backend="torchvision")
    other = fast(Image.open(PHOTO).convert("RGB"), return_tensors="pt")["pixel_values"]
    logits = opened(pixels).logits
    levels = ((pixels - other).abs() * torch.tensor(pil.image_std).reshape(1, 3, 1, 1) * 255).max().item()
    difference = (opened(other).logits - logits).abs().max().item()
    print(f"{folder.name}: torchvision's resize differs by {levels:.0f} levels, which changes the logits by {difference:.1e}")
    return describe(pixels, pil.image_mean, pil.image_std, logits)


def with_statistics(model):
    """Draws what a new network has at 0 or 1, so that a layer in the wrong place shows."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval()


def expanded(model):
    """Gives each matrix of a Vision Transformer one number a row, or a column, and layers the parameters of others."""
    drawn = {}

    def draw(name, shape):
        if len(shape) == 4:  # The patches have little variance, so that the eps of the first normalization shows.
            return (torch.randn(shape[0], 1, 1, 1) * 1e-4).expand(shape)
        if len(shape) == 2 and shape[0] > len(LABELS):
            scale = 0.002 if shape[1] > 768 else shape[1] ** -0.5
            return (torch.randn(shape[0], 1) * scale).expand(shape)
        if len(shape) == 2:
            return torch.randn(shape) * 0.1
        if len(shape) == 1:
            return torch.randn(shape) * 0.1 + (1 if "norm" in name and name.endswith("weight") else 0)
        return torch.randn(shape) * 1e-3

    for name, parameter in list(model.named_parameters()):
        parts = [str((int(part) * 5 // 3) % DRAWN_LAYERS) if part.isdigit() else part for part in name.split(".")]
        group = ".".join(parts)
        if group not in drawn:
            drawn[group] = draw(name, tuple(parameter.shape))
        parameter.data = drawn[group]
    return model.eval()


def make(root):
    def resnet(name, **options):
        return narrow(timm.create_model(name, num_classes=len(LABELS), **options), 64)

    half = {"input_size": (3, 64, 64), "test_input_size": (3, 72, 72), "crop_pct": 0.9, "test_crop_pct": 0.95, "interpolation": "bicubic"}
    yield "timm-resnet18", lambda folder: of_timm(folder, resnet("resnet18", pretrained_cfg_overlay=half), safe_serialization=True)
    small = {"input_size": (3, 64, 64), "test_input_size": None, "crop_pct": 0.875, "interpolation": "bilinear", "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}
    described = {"label_descriptions": {label: f"a kind of {label}" for label in LABELS}}
    yield "timm-resnet50", lambda folder: of_timm(folder, resnet("resnet50", pretrained_cfg_overlay=small), described)
    squashed = {"test_input_size": (3, 48, 64), "test_crop_pct": 1.0, "crop_mode": "squash", "interpolation": "lanczos"}
    yield "timm-resnet18d", lambda folder: of_timm(folder, resnet("resnet18d", pretrained_cfg_overlay=squashed), safe_serialization="both")
    patches = {"input_size": (3, 64, 64), "interpolation": "bicubic", "crop_pct": 0.9}
    vit = lambda: expanded(timm.create_model("vit_base_patch32_224", img_size=64, num_classes=len(LABELS), pretrained_cfg_overlay=patches))
    yield "timm-vit", lambda folder: of_timm(folder, vit(), model_args={"img_size": 64})

    config = {"id2label": ID2LABEL, "label2id": LABEL2ID}
    basic = {"embedding_size": 4, "hidden_sizes": [4, 8, 16, 32], "depths": [1, 2, 1, 1], "layer_type": "basic", **config}
    network = lambda settings: with_statistics(transformers.ResNetForImageClassification(transformers.ResNetConfig(**settings)))
    convnext = transformers.ConvNextImageProcessor(size={"shortest_edge": 64}, crop_pct=0.875)
    yield "transformers-resnet", lambda folder: of_transformers(folder, network(basic), convnext, max_shard_size="30KB")
    deep = {**basic, "hidden_sizes": [16, 32, 64, 128], "depths": [1, 2, 1, 1], "layer_type": "bottleneck"}
    cropped = transformers.BitImageProcessor(size={"shortest_edge": 70}, crop_size={"height": 64, "width": 56}, resample=2)
    yield "transformers-bottleneck", lambda folder: of_transformers(folder, network(deep).half(), cropped)
    sizes = {"image_size": 64, "patch_size": 32, **config}
    whole = transformers.ViTImageProcessor(size={"height": 64, "width": 64})
    transformer = lambda: expanded(transformers.ViTForImageClassification(transformers.ViTConfig(**sizes)))
    yield "transformers-vit", lambda folder: of_transformers(folder, transformer(), whole, as_pickle=True)


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    root = parser.parse_args().folder
    shutil.rmtree(root, ignore_errors=True)
    expected = {}
    for seed, (name, write) in enumerate(make(root)):
        torch.manual_seed(seed)
        (root / name).mkdir(parents=True)
        expected[name] = write(root / name)
    (root / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
