/**
 * Trains a small ResNet for 20 steps, from the weights and on the batches that train.py has written, and prints the loss of each.
 *
 * node --conditions=napi-torch-source --import tsx examples/train/main.ts FOLDER
 */
import { join } from 'node:path'

import { CrossEntropyLoss, loadCheckpoint, resnet18Cifar, saveCheckpoint, scope } from 'napi-torch'
import { OneCycleLR, SGD } from 'napi-torch/optim'

const folder = process.argv[2] ?? '.'
await scope(async () => {
  const model = resnet18Cifar({ width: 16 })
  model.loadStateDict(await loadCheckpoint(join(folder, 'start.pth')))
  const data = await loadCheckpoint(join(folder, 'data.pth'))
  const loss = new CrossEntropyLoss({ labelSmoothing: 0.1 })
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 5e-4 })
  const scheduler = new OneCycleLR(optimizer, 0.02, { totalSteps: 20 })
  for (let step = 0; step < 20; step++) {
    await scope(async () => {
      const [images, labels] = ['images', 'labels'].map((key) => data.get(key)?.select(0, step))
      if (images === undefined || labels === undefined) throw new Error('data.pth holds images and labels')
      optimizer.zeroGrad()
      const value = loss.forward(model.forward(images), labels)
      await value.backwardAsync()
      optimizer.step()
      if (step < 19) scheduler.step()
      console.log(value.item())
    })
  }
  await saveCheckpoint(join(folder, 'end.pth'), model.stateDict())
})
