// The engine of one checkout: `node contender.mjs CHECKOUT WORKLOAD_AS_JSON`. Answers each line of its input, which names a
// number of milliseconds, with the images per second that it computed for so long; the first line that it prints says what
// making the engine took.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [, , checkout, text] = process.argv
const { model: name, size, batch, dtype } = JSON.parse(text)
const torch = await import(pathToFileURL(`${checkout}/dist/index.js`).href)

torch.manualSeed(1)
const input = [3, size, size]
const model = torch[name]().eval()
const began = performance.now()
const isInt8 = dtype === 'int8'
const calibrate = isInt8 ? [torch.rand([8, ...input])] : []
const source = isInt8 ? await torch.quantize(model, { input, calibrate }) : model
const options = { maxBatchSize: batch, ...(isInt8 ? {} : { input, dtype }) }
const engine = await torch.compile(source, options)
const compileMs = performance.now() - began
const data = torch.randn([batch, ...input], { generator: new torch.Generator({ seed: 2 }) }).toFloat32Array()
const first = await engine.run(data)
const rssMiB = process.memoryUsage().rss / 2 ** 20
console.log(JSON.stringify({ compileMs, rssMiB, output: Array.from(first.subarray(0, 1000)) }))

for await (const line of createInterface({ input: process.stdin })) {
  const end = performance.now() + Number(line)
  const start = performance.now()
  let images = 0
  while (performance.now() < end) {
    await engine.run(data)
    images += batch
  }
  console.log((images * 1000) / (performance.now() - start))
}
await engine.close()
