"""Write lib/vision/imagenet_labels.ts: the names of ImageNet's 1,000 classes, as torchvision's models carry them.

Needs: torchvision. Usage: python scripts/make_imagenet_labels.py
"""

import importlib.metadata
import importlib.util
import pathlib
import runpy

TARGET = pathlib.Path(__file__).parent.parent / "lib" / "vision" / "imagenet_labels.ts"

# Read as a file, since importing torchvision needs a torch of the very same build.
PACKAGE = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
CATEGORIES = runpy.run_path(str(PACKAGE / "models" / "_meta.py"))["_IMAGENET_CATEGORIES"]
VERSION = importlib.metadata.version("torchvision").split("+")[0]

assert len(CATEGORIES) == 1000
lines = "\n".join(CATEGORIES)
assert not any(character in lines for character in "`\\$"), "a label needs escaping"
TARGET.write_text(
    f"""// Written by scripts/make_imagenet_labels.py from torchvision {VERSION}, models/_meta.py.
// Copyright (c) Soumith Chintala 2016; BSD 3-Clause License, whose text stands in lib/vision/imagenet_labels.LICENSE.

/** The names of ImageNet's 1,000 classes (ILSVRC 2012), in the order of the models' outputs. */
export const IMAGENET_LABELS: readonly string[] = `{lines}`.split('\\n')
"""
)
