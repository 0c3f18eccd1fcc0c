"""Write lib/vision/imagenet_labels.json: the names of ImageNet's 1,000 classes (ILSVRC 2012) in the order of the models' outputs.

They are torchvision's, under the license in lib/vision/imagenet_labels.LICENSE.
Needs: torchvision. Usage: python scripts/make_imagenet_labels.py
"""

import importlib.util
import json
import pathlib
import runpy

TARGET = pathlib.Path(__file__).parent.parent / "lib" / "vision" / "imagenet_labels.json"

# Read as a file, since importing torchvision needs a torch of the very same build.
PACKAGE = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
CATEGORIES = runpy.run_path(str(PACKAGE / "models" / "_meta.py"))["_IMAGENET_CATEGORIES"]

assert len(CATEGORIES) == 1000
TARGET.write_text(json.dumps(CATEGORIES, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
