// What `napi-torch evaluate` does with a list of images, without a queue: compiles, waits for a line, evaluates, and prints the
// seconds that took. Arguments: the checkpoint, a CSV file of paths and labels.
import { once } from 'node:events'

import { CsvDataset, evaluate, openModel } from 'napi-torch'

const BATCH_SIZE = 32

const [checkpoint = '', list = ''] = process.argv.slice(2)
const opened = await openModel(checkpoint)
const { preset } = opened
const dataset = await CsvDataset.open(list)
const engine = await opened.createEngine({ maxBatchSize: BATCH_SIZE })
console.log('ready')
await once(process.stdin, 'data')

const began = performance.now()
await evaluate(engine, dataset.batches({ batchSize: BATCH_SIZE, transform: preset }))
console.log((performance.now() - began) / 1000)

await engine.close()
opened.dispose()
process.exit()
