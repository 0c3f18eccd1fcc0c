"""Write lib/vision/imagenet_labels.json: id in WordNet and name of each of ImageNet's 1,000 classes (ILSVRC 2012), in the order of
the models' outputs and in the form of Keras' imagenet_class_index.json.

The names are torchvision's, under the license in lib/vision/imagenet_labels.LICENSE; the ids, which are the names of ImageNet's own
folders, are read from timm.
Needs: torchvision, timm. Usage: python scripts/make_imagenet_labels.py
"""

import importlib.util
import json
import pathlib
import runpy

TARGET = pathlib.Path(__file__).parent.parent / "lib" / "vision" / "imagenet_labels.json"


def folder_of(package):
    """Where a package lies. It is not imported, as that needs a torch of the very same build."""
    return pathlib.Path(importlib.util.find_spec(package).origin).parent


NAMES = runpy.run_path(str(folder_of("torchvision") / "models" / "_meta.py"))["_IMAGENET_CATEGORIES"]
IDS = (folder_of("timm") / "data" / "_info" / "imagenet_synsets.txt").read_text(encoding="utf-8").split()

assert len(NAMES) == len(IDS) == 1000 and IDS == sorted(set(IDS))
lines = [f'  "{index}": {json.dumps(pair, ensure_ascii=False)}' for index, pair in enumerate(zip(IDS, NAMES))]
TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
