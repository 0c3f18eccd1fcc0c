"""Exports the weights of make_model.py for onnxruntime; bench/engine/prepare.ts starts it. Needs onnx.

python bench/engine/python/export_onnx.py imagenet FOLDER

Reads FOLDER/weights.pth and writes FOLDER/model.onnx, with batch normalization left in it: onnxruntime folds it itself,
as it fuses sums and ReLU into the convolutions. It does not where the newer exporter (dynamo=True) gives each convolution
a bias of computed zeros, which made it 25 % slower.
"""

import sys
import warnings
from collections import Counter
from pathlib import Path

import onnx
import torch
from networks import NETWORKS, load

OPSET = 18


def main():
    name, folder = sys.argv[1], Path(sys.argv[2])
    net = load(name, folder / "weights.pth")
    example = torch.zeros(2, *NETWORKS[name][1])
    warnings.simplefilter("ignore")
    torch.onnx.export(
        net,
        (example,),
        folder / "model.onnx",
        input_names=["input"],
        output_names=["logits"],
        opset_version=OPSET,
        dynamo=False,
        # Else it folds batch normalization, and onnxruntime would get other numbers than the others.
        training=torch.onnx.TrainingMode.PRESERVE,
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
    nodes = onnx.load(folder / "model.onnx").graph.node
    counts = Counter(node.op_type for node in nodes)
    for layer, node in (("Conv2d", "Conv"), ("BatchNorm2d", "BatchNormalization"), ("Linear", "Gemm")):
        layers = sum(type(module).__name__ == layer for module in net.modules())
        if counts[node] != layers:
            raise SystemExit(f"The export has {counts[node]} of {layers} {layer}")
    print(f"{name}: opset {OPSET}, {len(nodes)} nodes")


main()
