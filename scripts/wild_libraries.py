"""Makes checkpoints with the classes of torchvision, timm, transformers and Lightning, and the logits that they compute.

    pip install -r scripts/wild_requirements.txt
    python scripts/wild_libraries.py test/fixtures/wild_libraries

`wild.py` writes such names by hand, for any Python with torch. Here the libraries write them: what they add to a ResNet that no table
of ours knows shows here first. Each network is cut to a small part of its channels, so that the files can be committed; statistics
are drawn at random, so that a layer in the wrong place shows. `manifest.json` is that of `wild.py`, and may name `labels`.
Seeds are fixed: the tensors of a second run are the same.
"""

import argparse
import collections
import copy
import json
import pathlib
import sys
import tempfile
import warnings

import lightning
import timm
import torch
import torchvision
import transformers
from narrow import FACTOR, narrow
from safetensors.torch import save_file
from torch import nn

CLASSES = 5
# Groups have to stay several, and the widths of timm's own test model are small as they are.
FACTORS = {"resnext50_32x4d": 16, "test_resnet": 8}


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.rows = []
        self.images = set()

    def image(self, channels, side):
        values = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(channels))
        if (channels, side) not in self.images:
            self.images.add((channels, side))
            (self.folder / f"input-{channels}-{side}.bin").write_bytes(values.numpy().tobytes())
        return values

    def add(self, name, saved, model=None, channels=3, side=64, options=None, refused=None, ending="pth", logits=None, **extra):
        """`saved` is written by torch.save, or is a function that writes to a path."""
        row = {"name": name, "file": f"{len(self.rows):03d}.{ending}", "input": [channels, side], "options": options or {}, **extra}
        path = self.folder / row["file"]
        if callable(saved) and not isinstance(saved, nn.Module):
            saved(path)
        else:
            torch.save(saved, path)
        if refused is not None:
            row["code"], row["contains"] = refused
        else:
            with torch.inference_mode():
                outputs = model.eval()(self.image(channels, side)) if logits is None else logits
            outputs = getattr(outputs, "logits", outputs)
            row["logits"] = outputs.double().flatten().tolist()
        self.rows.append(row)

    def finish(self):
        (self.folder / "manifest.json").write_text(json.dumps(self.rows, indent=1) + "\n")


def torchvision_models(maker):
    for name in ["resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2"]:
        model = narrow(getattr(torchvision.models, name)(num_classes=CLASSES), FACTORS.get(name, FACTOR))
        maker.add(f"torchvision's {name}", model.state_dict(), model)
    model = narrow(torchvision.models.resnet18(num_classes=CLASSES))
    extractor = torchvision.models.feature_extraction.create_feature_extractor(model, ["fc"])
    maker.add("create_feature_extractor()", extractor.state_dict(), model)
    for protocol in [2, 5]:
        maker.add(f"a whole module of torchvision, protocol {protocol}",
                  lambda path: torch.save(model, path, pickle_protocol=protocol), model, options={"wholeModule": True})
    synced = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model))
    maker.add("SyncBatchNorm, whole", synced, model, options={"wholeModule": True})

    backbone = narrow(torchvision.models.detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).backbone, 64)
    body = backbone.body
    headless = nn.Sequential(*body.values(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    maker.add("the backbone of a detector", {k: v for k, v in backbone.state_dict().items() if k.startswith("body.")}, headless)

    quantizable = narrow(torchvision.models.quantization.resnet18(quantize=False, num_classes=CLASSES))
    maker.add("a quantizable ResNet in float32", quantizable.state_dict(), quantizable)
    fused = copy.deepcopy(quantizable)
    fused.fuse_model()
    maker.add("fuse_model() of a quantizable ResNet", fused.state_dict(), quantizable)
    plain = narrow(torchvision.models.resnet18(num_classes=CLASSES))
    pairs = [["conv1", "bn1"]] + [[f"{block}.conv{i}", f"{block}.bn{i}"] for block, module in plain.named_modules()
                                  if isinstance(module, torchvision.models.resnet.BasicBlock) for i in (1, 2)]
    pairs += [[f"{name}.0", f"{name}.1"] for name, _ in plain.named_modules() if name.endswith("downsample")]
    folded = torch.ao.quantization.fuse_modules(copy.deepcopy(plain), pairs)
    maker.add("fuse_modules() of convolutions and norms", folded.state_dict(), plain)
    with_relu = [["conv1", "bn1", "relu"], *pairs[1:]]
    folded = torch.ao.quantization.fuse_modules(copy.deepcopy(plain), with_relu)
    maker.add("fuse_modules() with the stem's relu", folded.state_dict(), plain)


def timm_models(maker):
    def make(name, **options):
        model = timm.create_model(name, num_classes=options.pop("num_classes", CLASSES), **options)
        return narrow(model, FACTORS.get(name, FACTOR))

    for name in ["resnet18", "resnet18d", "resnet26", "resnet26d", "resnet14t", "resnet10t", "resnet50c"]:
        model = make(name)
        maker.add(f"timm's {name}", model.state_dict(), model)
    model = make("resnet18", in_chans=1)
    maker.add("timm with one channel", model.state_dict(), model, channels=1)
    model = make("resnet18", in_chans=4)
    maker.add("timm with four channels", model.state_dict(), model, channels=4)
    model = make("resnet18", num_classes=0)
    maker.add("timm without a head", model.state_dict(), model)
    features = narrow(timm.create_model("resnet18", features_only=True))
    pooled = features(maker.image(3, 64))[-1].mean((2, 3))
    maker.add("timm's features_only", features.state_dict(), logits=pooled.detach())
    model = make("resnet18")
    ema = timm.utils.ModelEmaV3(model)
    maker.add("timm's train script", {"epoch": 3, "arch": "resnet18", "state_dict": model.state_dict(), "args": argparse.Namespace(lr=0.1),
              "version": 2, "state_dict_ema": ema.module.state_dict(), "metric": 71.2}, model)
    maker.add("timm's ModelEmaV3", ema.state_dict(), model)
    maker.add("safetensors of timm", lambda path: save_file(model.state_dict(), path), model, ending="safetensors")
    for name, contains in {"seresnet18": "layer1.0.se.fc1.weight", "ecaresnet26t": "layer1.0.se.conv.weight",
                           "skresnet18": "no residual blocks", "test_resnet": "stage 2 makes"}.items():
        maker.add(f"timm's {name}", make(name).state_dict(), refused=("TORCH_ARCHITECTURE", contains))
    maker.add("a whole module of timm", model, model, options={"wholeModule": True})
    blurred = make("resnetblur18")
    maker.add("a whole module with timm's BlurPool2d", blurred, options={"wholeModule": True}, refused=("TORCH_ARCHITECTURE", "BlurPool2d"))


def changed_modules(maker):
    """Whole modules in which someone changed a layer: built as the file says, or refused by the name of the first that differs."""
    whole = {"wholeModule": True}

    def make():
        return narrow(torchvision.models.resnet18(num_classes=CLASSES))

    def put(path, layer):
        model = make()
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, layer)
        return model.eval()

    pool, smooth = nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 1, 1)
    for name, model in {
        "an AvgPool2d for the max-pool": put("maxpool", nn.AvgPool2d(3, 2, 1)),
        "a Sequential of the max-pool": put("maxpool", nn.Sequential(pool)),
        "a Sequential of a ReLU": put("layer2.0.relu", nn.Sequential(nn.ReLU())),
        "a Dropout at the end of a stage": put("layer1.drop", nn.Dropout()),
    }.items():
        maker.add(f"a whole module with {name}", model, model, options=whole)
    dilated = narrow(torchvision.models.resnet50(num_classes=CLASSES, replace_stride_with_dilation=[False, True, True]), 64)
    maker.add("a whole module with dilated stages", dilated, dilated, options=whole)
    strided = narrow(timm.create_model("resnet18", num_classes=CLASSES, output_stride=8))
    maker.add("a whole module of timm with output_stride=8", strided, strided, options=whole)

    norm = make()
    norm.bn1 = nn.Sequential(norm.bn1, nn.Tanh())
    for name, model, contains in [
        ("two poolings after the stem", put("maxpool", nn.Sequential(pool, smooth)), '"maxpool.1" is AvgPool2d'),
        ("a pooling after a ReLU", put("layer2.0.relu", nn.Sequential(nn.ReLU(), smooth)), '"layer2.0.relu.1" is AvgPool2d'),
        ("a Tanh after the first normalization", norm, '"bn1.1" is Tanh'),
        ("a pooling at the end of a stage", put("layer1.pool", smooth), '"layer1.pool"'),
        ("a max-pool before the head", put("avgpool", nn.AdaptiveMaxPool2d(1)), "AdaptiveMaxPool2d"),
        ("timm's resnetaa", narrow(timm.create_model("resnet18", num_classes=CLASSES, aa_layer=nn.AvgPool2d)), '"layer2.0.aa"'),
        ("timm's act_layer", narrow(timm.create_model("resnet18", num_classes=CLASSES, act_layer="silu")), "SiLU"),
    ]:
        maker.add(f"a whole module with {name}", model, options=whole, refused=("TORCH_ARCHITECTURE", contains))


def transformers_models(maker):
    Config, Model = transformers.ResNetConfig, transformers.ResNetForImageClassification
    sizes = {"embedding_size": 4, "hidden_sizes": [4, 8, 16, 32], "num_labels": CLASSES}
    kinds = {"basic": {"layer_type": "basic", "depths": [2, 2, 2, 2]},
             "bottleneck": {"layer_type": "bottleneck", "depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 64, 128]}}
    for kind, options in kinds.items():
        torch.manual_seed(21)
        model = narrow(Model(Config(**{**sizes, **options})), 1)
        maker.add(f"transformers' {kind} ResNet", model.state_dict(), model)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            written = (pathlib.Path(folder) / "model.safetensors").read_bytes()
        maker.add(f"save_pretrained() of a {kind} ResNet", lambda path: path.write_bytes(written), model, ending="safetensors")
        headless = narrow(transformers.ResNetModel(Config(**{**sizes, **options})), 1)
        with torch.inference_mode():
            pooled = headless(maker.image(3, 64)).pooler_output
        maker.add(f"transformers' ResNetModel, {kind}", headless.state_dict(), logits=pooled)
    maker.add("a whole module of transformers", model, model, options={"wholeModule": True})


class Classifier(lightning.LightningModule):
    def __init__(self, net, lr=0.1, class_names=("ant", "bee", "cat", "dog", "elk")):
        super().__init__()
        self.save_hyperparameters(ignore=["net"])
        self.net = net
        self.criterion = nn.CrossEntropyLoss(weight=torch.ones(CLASSES))

    def training_step(self, batch, index):
        return self.net(batch[0]).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def lightning_checkpoints(maker):
    def trained(module, path, weights_only=False):
        trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
                                    enable_model_summary=False)
        trainer.strategy.connect(module)
        if not weights_only:
            trainer.strategy.optimizers = [module.configure_optimizers()]
        trainer.save_checkpoint(path, weights_only=weights_only)

    model = narrow(torchvision.models.resnet18(num_classes=CLASSES))
    for weights_only in [False, True]:
        maker.add(f"Lightning's save_checkpoint(weights_only={weights_only})", lambda path: trained(Classifier(model), path, weights_only),
                  model, ending="ckpt", unused=["criterion.weight"], labels=["ant", "bee", "cat", "dog", "elk"])
    compiled = Classifier(torch.compile(model))
    maker.add("a compiled network in Lightning", lambda path: trained(compiled, path), model, ending="ckpt", unused=["criterion.weight"])
    student = Classifier(model)
    student.teacher = narrow(torchvision.models.resnet18(num_classes=CLASSES))
    maker.add("Lightning with a teacher", lambda path: trained(student, path), ending="ckpt", refused=("TORCH_ARCHITECTURE", "prefix: 'net.'"))
    maker.add("the teacher of Lightning", lambda path: trained(student, path), student.teacher, ending="ckpt", options={"prefix": "teacher."})


def labels(maker):
    """Where training scripts keep the names of the classes."""
    model = narrow(torchvision.models.resnet18(num_classes=CLASSES))
    state = model.state_dict()
    names = ["ant", "bee", "cat", "dog", "elk"]
    for name, extra in {
        "class_to_idx": {"class_to_idx": {name: index for index, name in reversed(list(enumerate(names)))}},
        "classes": {"classes": names},
        "class_names": {"class_names": tuple(names)},
        "idx_to_class": {"idx_to_class": dict(enumerate(names))},
        "idx_to_class with texts for numbers": {"idx_to_class": {str(index): name for index, name in enumerate(names)}},
        "names": {"names": dict(enumerate(names))},
        "hyper-parameters": {"hyper_parameters": {"lr": 0.1, "classes": names}},
        "hparams": {"hparams": argparse.Namespace(class_names=names)},
        "args": {"args": argparse.Namespace(classes=names)},
        "meta of mmengine": {"meta": {"dataset_meta": {"classes": tuple(names)}, "epoch": 1}},
    }.items():
        maker.add(f"names of classes in {name}", {"state_dict": state, **extra}, model, labels=names)
    maker.add("names for other classes", {"state_dict": state, "classes": ["a", "b"]}, model, labels=None)
    ordered = collections.OrderedDict(state)
    maker.add("no names of classes", ordered, model, labels=None)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    maker = Maker(folder)
    for seed, make in enumerate([torchvision_models, timm_models, changed_modules, transformers_models, lightning_checkpoints, labels]):
        torch.manual_seed(seed)
        make(maker)
    maker.finish()
    print(len(maker.rows))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
