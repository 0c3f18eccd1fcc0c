"""The twin of main.ts: writes weights and batches into a folder, trains for 20 steps, and prints the loss of each.

python examples/train/train.py FOLDER
"""

import pathlib
import sys

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'scripts'))
import resnet_cifar

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(0)
model = resnet_cifar.resnet18(width=16)
torch.save(model.state_dict(), folder / 'start.pth')
data = {'images': torch.randn(20, 8, 3, 32, 32), 'labels': torch.randint(0, 10, (20, 8))}
torch.save(data, folder / 'data.pth')
loss = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=20)
for step in range(20):
    images, labels = data['images'][step], data['labels'][step]
    optimizer.zero_grad()
    value = loss(model(images), labels)
    value.backward()
    optimizer.step()
    if step < 19:
        scheduler.step()
    print(value.item())
torch.save(model.state_dict(), folder / 'python.pth')
