import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createRequire } from 'node:module'
import { finished } from 'node:stream/promises'

import { Classifier, imageFiles } from 'napi-torch'

const [folder, file = 'labels.jsonl', checkpoint] = process.argv.slice(2)
if (folder === undefined) throw new Error('Expected node main.js FOLDER [labels.jsonl] [CHECKPOINT]')
const sample = createRequire(import.meta.url).resolve('@napi-torch/fashion-mnist/resnet18-fashion-mnist.pth')

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())

const classifier = await Classifier.load(checkpoint ?? sample)
const out = createWriteStream(file)
let [labeled, failed] = [0, 0]
try {
  // A few images are decoded ahead of what is written, however many there are.
  for await (const { image, predictions, error } of classifier.classify(imageFiles(folder), {
    topK: 1,
    signal: stop.signal,
  })) {
    const [best] = predictions ?? []
    if (best === undefined) failed++
    else labeled++
    const row = best === undefined ? { image, error: error.message } : { image, ...best }
    // A slow disk holds up the reading of images.
    if (!out.write(`${JSON.stringify(row)}\n`)) await once(out, 'drain')
  }
} catch (error) {
  if (!stop.signal.aborted) throw error
  console.error('Stopped: what was labeled is in the file')
} finally {
  await finished(out.end())
  await classifier.close()
}
console.log(`${labeled} images labeled, ${failed} not read: ${file}`)
