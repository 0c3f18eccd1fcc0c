import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { loadCheckpoint, scope, tensor } from 'napi-torch'

import { StripesNet } from './stripes_net.js'

interface Expected {
  readonly classes: readonly string[]
  readonly images: readonly (readonly number[])[]
  readonly logits: readonly (readonly number[])[]
}

const checkpoint = fileURLToPath(new URL('stripes.pth', import.meta.url))
const text = await readFile(new URL('expected.json', import.meta.url), 'utf8')
const { classes, images, logits } = JSON.parse(text) as Expected

await scope(async () => {
  const model = new StripesNet().eval()
  model.loadStateDict(await loadCheckpoint(checkpoint))
  console.log(model.toString())

  const answered = model.forward(tensor(images).div(255).view([-1, 1, 16, 16]))

  for (const index of answered.argmax({ dim: 1 }).toArray()) console.log(classes[Number(index)])
  const difference = answered.sub(tensor(logits)).abs().max().item()
  console.log(`The largest difference from Python's answers is ${difference}`)
  if (Number(difference) > 1e-5) process.exitCode = 1
})
