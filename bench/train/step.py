"""The loop of bench/train.ts in Python: takes a turn of some steps for each line, and prints their milliseconds."""

import json
import pathlib
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / 'scripts'))

options = json.loads(sys.argv[1])
torch.set_num_threads(options['threads'])
n, channels, height, width = options['images']
if options['model'] == 'cifar':
    import resnet_cifar

    model = resnet_cifar.resnet18(input_channels=channels)
else:
    import torchvision

    model = torchvision.models.resnet18()
model.to(memory_format=torch.channels_last)
images = torch.randn(n, channels, height, width).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (n,))
loss = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

for _ in sys.stdin:
    times = []
    for _ in range(options['steps']):
        began = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=options['dtype'] == 'bfloat16'):
            value = loss(model(images), labels)
        value.backward()
        optimizer.step()
        times.append(1000 * (time.perf_counter() - began))
    print(json.dumps(times), flush=True)
