"""Trains StripesNet, which tells how an image is striped, and writes stripes.pth and what it answers, expected.json.

Needs torch and takes some seconds: python examples/own_architecture/make_checkpoint.py
"""

import json
import math
import pathlib

import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parent
CLASSES = ["horizontal", "vertical", "diagonal"]


class StripesNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        self.near = nn.Conv2d(8, 8, 3, padding=1)
        self.far = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.norm = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(16, classes)

    def forward(self, images):
        x = self.stem(images)
        x = torch.cat([self.near(x), self.far(x)], dim=1)
        x = self.pool(self.relu(self.norm(x))).flatten(1)
        return self.head(self.drop(x))


def draw(count):
    """Draws (count, 1, 16, 16) bytes of noisy stripes and their classes."""
    labels = torch.randint(len(CLASSES), (count,))
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    along = torch.stack([y, x, (x + y) / math.sqrt(2)])[labels]
    wave = torch.sin(along * (0.8 + torch.rand(count, 1, 1)) + 2 * math.pi * torch.rand(count, 1, 1))
    pixels = 128 + 80 * wave + 40 * torch.randn(count, 16, 16)
    return pixels.clamp(0, 255).to(torch.uint8).unsqueeze(1), labels


def main():
    torch.manual_seed(1)
    model = StripesNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(200):
        images, labels = draw(64)
        loss = nn.functional.cross_entropy(model(images / 255), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    torch.save(model.state_dict(), FOLDER / "stripes.pth")
    images, labels = draw(1000)
    with torch.inference_mode():
        right = (model(images / 255).argmax(1) == labels).float().mean().item()
        logits = model(images[:6] / 255)
    print(f"{right:.1%} of 1000 new images are classified correctly")
    expected = {"classes": CLASSES, "images": images[:6].reshape(6, -1).tolist(), "logits": logits.tolist()}
    (FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
