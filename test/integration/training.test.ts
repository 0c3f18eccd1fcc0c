import assert from 'node:assert/strict'
import { join } from 'node:path'

import {
  functional as F,
  loadCheckpoint,
  manualSeed,
  memory,
  randint,
  randn,
  resnet18Cifar,
  saveCheckpoint,
  scope,
  StateDict,
  Linear,
} from 'napi-torch'
import { SGD } from 'napi-torch/optim'

import { assertClose } from '../support/numeric.js'
import { useTemporaryFolder } from '../support/folder.js'
import { itWithPython, python } from '../support/python.js'

const SCRIPT = `
import sys
sys.path.insert(0, 'scripts')
import torch
import resnet_cifar
folder = sys.argv[1]
torch.set_num_threads(1)
model = resnet_cifar.resnet18()
model.load_state_dict(torch.load(folder + '/start.pth', weights_only=True))
data = torch.load(folder + '/data.pth', weights_only=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
losses = []
for step in range(2):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(data['images']), data['labels'], label_smoothing=0.1)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
torch.save(model.state_dict(), folder + '/end.pth')
print(losses[0], losses[1])
`

describe('training', () => {
  const temporaryFolder = useTemporaryFolder()

  itWithPython('of a ResNet-18 equals PyTorch over two steps, running statistics included, within 1e-5', () =>
    scope(async () => {
      const folder = temporaryFolder()
      manualSeed(1)
      const model = resnet18Cifar()
      const images = randn([4, 3, 32, 32])
      const labels = randint(0, 10, [4])
      await saveCheckpoint(join(folder, 'start.pth'), model.stateDict())
      const data = new StateDict()
      data.set('images', images)
      data.set('labels', labels)
      await saveCheckpoint(join(folder, 'data.pth'), data)
      const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 5e-4, nesterov: true })

      const losses: number[] = []
      for (let step = 0; step < 2; step++) {
        scope(() => {
          optimizer.zeroGrad()
          const loss = F.crossEntropy(model.forward(images), labels, { labelSmoothing: 0.1 })
          loss.backward()
          optimizer.step()
          losses.push(Number(loss.item()))
        })
      }

      const theirs = python(SCRIPT, [folder]).trim().split(' ').map(Number)
      theirs.forEach((loss, step) => {
        assert.ok(Math.abs(loss - (losses[step] ?? NaN)) < 1e-5, `loss ${step}: ${losses[step]}, in Python ${loss}`)
      })
      const end = await loadCheckpoint(join(folder, 'end.pth'))
      for (const [key, tensor] of model.stateDict())
        assertClose(tensor, end.get(key) ?? assert.fail(key), { atol: 1e-5 })
    }),
  )

  it('leaves no more tensors alive after 1,000 steps in a scope than after the first', () =>
    scope(() => {
      const model = new Linear(4, 2)
      const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })
      const counts: number[] = []

      for (let step = 0; step < 1000; step++) {
        scope(() => {
          optimizer.zeroGrad()
          F.mseLoss(model.forward(randn([8, 4])), randn([8, 2])).backward()
          optimizer.step()
        })
        counts.push(memory().tensors)
      }

      assert.equal(counts.at(-1), counts[0])
    }))
})
