// Does the work of `napi-torch evaluate` with a list of images, without a queue: compiles, waits for a line, evaluates, and prints the
// seconds that the evaluation took. Arguments: the checkpoint, a CSV file of paths and labels.
import { once } from 'node:events'

import { compile, CsvDataset, evaluate } from 'napi-torch'
import { ImagePreset } from 'napi-torch/vision'

import { loadModel } from '../../lib/classifier/load_model.js'
import { findRecipe } from '../../lib/classifier/recipe.js'

const BATCH_SIZE = 32

const [checkpoint = '', list = ''] = process.argv.slice(2)
const { model, architecture } = await loadModel(checkpoint)
const { preset } = await findRecipe(checkpoint, architecture, {})
if (!(preset instanceof ImagePreset)) throw new Error('The preset is not one of this package')
const dataset = await CsvDataset.open(list)
const engine = await compile(model, { input: preset.shape, maxBatchSize: BATCH_SIZE })
console.log('ready')
await once(process.stdin, 'data')

const began = performance.now()
await evaluate(engine, dataset.batches({ batchSize: BATCH_SIZE, transform: preset }))
console.log((performance.now() - began) / 1000)

await engine.close()
model.dispose()
process.exit()
