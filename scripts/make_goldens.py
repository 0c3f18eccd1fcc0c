"""Writes the goldens of operators and models, test/goldens/{ops,models}: what PyTorch answers, for the tests to compare.

Run with a Python that has torch 2.13.0 and numpy: python scripts/make_goldens.py

An operator case is a row of goldens_cases.py; its tensors are stored as `INDEX.ROLE`, its options in the file's
metadata under PyTorch's names in camelCase. The weights of whole models are too big to store: both sides compute them
by the formula in goldens_format.py, and only the answers are stored.
"""

import json

import torch

import resnet
import resnet_cifar
from goldens_cases import FAMILIES
from goldens_format import FOLDER, formula_state, formula_tensor, write_safetensors

LARGE, ODD, SMALL, GRAY = (1, 3, 224, 224), (3, 3, 161, 223), (16, 3, 32, 32), (2, 3, 28, 28)

# name: (model, the shapes of its inputs). All that differs in structure; depth alone is seen in keys and counts.
LOGITS = {
    "resnet18": (lambda: resnet.resnet("resnet18"), [LARGE, ODD]),
    "resnet50": (lambda: resnet.resnet("resnet50"), [(2, 3, 96, 80)]),
    "resnet50-dilated": (lambda: resnet.resnet("resnet50", dilate=(False, True, True)), [(1, 3, 96, 80)]),
    "resnext50_32x4d": (lambda: resnet.resnet("resnext50_32x4d"), [(2, 3, 96, 80)]),
    "wide_resnet50_2": (lambda: resnet.resnet("wide_resnet50_2"), [(1, 3, 96, 80)]),
    "resnet18Cifar": (resnet_cifar.resnet18, [SMALL, GRAY]),
    "resnet18Cifar-kernel5": (lambda: resnet_cifar.resnet18(kernel_size=5), [(2, 3, 32, 32)]),
    "resnet18Cifar-kernel7": (lambda: resnet_cifar.resnet18(kernel_size=7), [(2, 3, 32, 32)]),
}

ARCHITECTURES = {
    **{name: (lambda name=name: resnet.resnet(name)) for name in resnet.RESNETS},
    "resnet18Cifar": resnet_cifar.resnet18,
    "resnet34Cifar": resnet_cifar.resnet34,
}

PRINTED = ["resnet18", "resnet50", "resnet18Cifar"]


def write_operators():
    for family, cases in FAMILIES.items():
        tensors, rows = {}, []
        for index, (op, name, inputs, args, outputs) in enumerate(cases()):
            for role, tensor in {**inputs, **outputs}.items():
                tensors[f"{index}.{role}"] = tensor
            rows.append({"op": op, "name": name, "args": args, "inputs": list(inputs), "outputs": list(outputs)})
        write_safetensors(f"ops/{family}", tensors, {"torch": torch.__version__, "cases": rows})


def write_logits():
    tensors, rows = {}, []
    for name, (build, shapes) in LOGITS.items():
        model = formula_state(build())
        for shape in shapes:
            logits = model(formula_tensor("input", shape, 2.0))
            tensors[f"{len(rows)}.logits"] = logits
            rows.append({"model": name, "shape": shape, "largest": round(logits.abs().max().item(), 4)})
            print(f"{name} {shape}: logits up to {rows[-1]['largest']}")
    write_safetensors("models/logits", tensors, {"torch": torch.__version__, "cases": rows})


def write_architectures():
    """The state dict of each architecture as lines `key shape dtype`, its parameters, and how some print."""
    lines = []
    for name, build in ARCHITECTURES.items():
        with torch.device("meta"):
            model = build()
        keys = [
            f"{key} {','.join(map(str, value.shape))} {str(value.dtype).removeprefix('torch.')}"
            for key, value in model.state_dict().items()
        ]
        entry = {"parameters": sum(p.numel() for p in model.parameters()), "keys": keys}
        if name in PRINTED:
            entry["repr"] = repr(model)
        lines.append(f"{json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}")
    path = FOLDER / "models" / "architectures.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"models/architectures.json: {path.stat().st_size:,} bytes")


@torch.inference_mode()
def main():
    torch.manual_seed(2130)
    write_operators()
    write_logits()
    write_architectures()


if __name__ == "__main__":
    main()
