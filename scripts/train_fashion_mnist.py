"""Trains the embedded model, models/fashion-mnist: the ResNet-18 for small images on Fashion-MNIST.

Needs torch 2.13.0 (a CPU is enough), numpy and the four IDX files of the data set; Debian and Ubuntu have them in the
package dataset-fashion-mnist. The embedded files were made on two cores in 93 minutes by

    python scripts/train_fashion_mnist.py /usr/share/datasets/fashion-mnist OUT --epochs 8 --bf16

Writes to OUT: the checkpoint with its floating entries in float16 (resnet18-fashion-mnist.pth), the logits of the 10,000
test images by that checkpoint in float32 (t10k-logits.f32.bin: float32 little-endian (10000, 10), in file order), and
the record (training.json). Sums in another order, on another CPU, give slightly other weights.
"""

import argparse
import collections
import gzip
import json
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional as F

from resnet_cifar import resnet18

# Of the training set's pixels, from 0 to 1.
MEAN, STD = 0.2860, 0.3530
CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
CHECKPOINT = "resnet18-fashion-mnist.pth"


def read_idx(path):
    """Reads a gzipped IDX file of bytes: two zeros, the type (8), the count of dimensions, each as big-endian uint32."""
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\0\0\x08":
        raise SystemExit(f"{path} is no IDX file of unsigned bytes")
    start = 4 + 4 * data[3]
    shape = np.frombuffer(data, ">u4", data[3], offset=4)
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy())


def read_split(folder, split):
    return (read_idx(folder / f"{split}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))


def prepare(images):
    """Makes (N, 28, 28) bytes the normalized (N, 3, 28, 28) that the model reads: gray on each of three channels."""
    x = images.unsqueeze(1).float().div_(255).sub_(MEAN).div_(STD)
    return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def augment(images):
    """Mirrors half of the images and shifts each by up to two pixels."""
    images = torch.where(torch.rand(len(images), 1, 1) < 0.5, images.flip(-1), images)
    padded = F.pad(images, (2, 2, 2, 2))
    down, right = torch.randint(0, 5, (2, len(images)))
    rows = (down[:, None] + torch.arange(28)).unsqueeze(-1).expand(-1, -1, 32)
    columns = (right[:, None] + torch.arange(28)).unsqueeze(1).expand(-1, 28, -1)
    return padded.gather(1, rows).gather(2, columns)


@torch.inference_mode()
def logits_of(model, images):
    model.eval()
    return torch.cat([model(prepare(batch)) for batch in images.split(500)])


def train(model, images, labels, test, arguments):
    """Trains with SGD on a one-cycle schedule; gives loss and test accuracy of each epoch."""
    steps = len(images) // arguments.batch
    optimizer = torch.optim.SGD(model.parameters(), lr=arguments.lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, arguments.lr, total_steps=arguments.epochs * steps, pct_start=0.2
    )
    history, start = [], time.time()
    for epoch in range(arguments.epochs):
        model.train()
        order, total = torch.randperm(len(images)), 0.0
        for step in range(steps):
            batch = order[step * arguments.batch : (step + 1) * arguments.batch]
            with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16):
                loss = F.cross_entropy(model(prepare(augment(images[batch]))), labels[batch].long())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
            if step % 10 == 0:
                print(f"epoch {epoch} step {step}/{steps} loss {loss.item():.3f} {time.time() - start:.0f} s", flush=True)
        correct = (logits_of(model, test[0]).argmax(1) == test[1]).sum().item()
        seconds = time.time() - start
        history.append({"epoch": epoch, "loss": total / steps, "test_correct": correct, "seconds": seconds})
        print(history[-1], flush=True)
    return history


def save_half(model, path):
    """Saves the state dict with its floats in float16."""
    state = ((key, value.half() if value.is_floating_point() else value) for key, value in model.state_dict().items())
    torch.save(collections.OrderedDict(state), path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("idx", help="folder of the four IDX files")
    parser.add_argument("out", help="folder for the three files that are written")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.1, help="the highest learning rate")
    parser.add_argument("--limit", type=int, default=60000, help="train on the first images only, to try the script")
    parser.add_argument("--bf16", action="store_true", help="multiply in bfloat16: faster on CPUs that have it")
    arguments = parser.parse_args()
    idx, out = pathlib.Path(arguments.idx), pathlib.Path(arguments.out)
    # The schedule rises in the first fifth of the steps and needs more than one for it.
    if arguments.epochs * (arguments.limit // arguments.batch) < 6:
        parser.error(f"--limit and --epochs must make six batches of {arguments.batch} or more")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(18)
    images, labels = (data[: arguments.limit] for data in read_split(idx, "train"))
    test_images, test_labels = read_split(idx, "t10k")

    model = resnet18().to(memory_format=torch.channels_last)
    history = train(model, images, labels, (test_images, test_labels), arguments)
    save_half(model, out / CHECKPOINT)

    # What is served is the half-precision file, computed in float32: the record is about that.
    served = resnet18()
    served.load_state_dict(torch.load(out / CHECKPOINT, weights_only=True))
    logits = logits_of(served.to(memory_format=torch.channels_last), test_images)
    logits.numpy().astype("<f4").tofile(out / "t10k-logits.f32.bin")
    right = logits.argmax(1) == test_labels
    record = {
        "torch": torch.__version__,
        "args": vars(arguments),
        "mean": MEAN,
        "std": STD,
        "classes": CLASSES,
        "history": history,
        "half_checkpoint_test_correct": right.sum().item(),
        "half_checkpoint_correct_per_class": [int(right[test_labels == label].sum()) for label in range(len(CLASSES))],
        "test_images": len(test_labels),
    }
    (out / "training.json").write_text(json.dumps(record, indent=1))
    print(f"{record['half_checkpoint_test_correct']} of {len(test_labels)} test images are classified correctly")


if __name__ == "__main__":
    main()
