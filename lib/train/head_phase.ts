import { ConfusionMatrix } from '../evaluation/confusion.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import { crossEntropy } from '../nn/functional_loss.js'
import { tensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { scope } from '../util/scope.js'
import type { Dataset } from '../vision/dataset.js'
import { nameOf } from './check_data.js'
import type { ImageFeatures } from './features.js'
import type { CheckedFinetune } from './options.js'
import type { TunedParts } from './parts.js'
import type { Measured, Phase, TrainBatch } from './phase.js'
import { SeededRandom } from './random.js'
import type { Split } from './split_by_content.js'
import { listed } from './words.js'

/** Steps of the head cost little: larger batches only make them fewer. */
const MIN_BATCH = 64

/** Trains the head alone, on the features of the images. */
export function headPhase(
  { head }: TunedParts,
  { values, labels }: ImageFeatures,
  { train, validation }: Split,
  dataset: Dataset,
  { seed, batchSize, headEpochs, headLr }: CheckedFinetune,
): Phase {
  const size = Math.max(MIN_BATCH, batchSize)
  const rowsOf = (indices: readonly number[]): Tensor => values.indexSelect(0, int64(indices))
  const labelsOf = (indices: readonly number[]): Tensor => int64(indices.map((index) => labels[index] ?? 0))
  return {
    name: 'head',
    maxEpochs: headEpochs,
    stepsPerEpoch: Math.ceil(train.length / size),
    groups: [{ params: head.parameters() }],
    maxLr: [headLr],
    // eslint-disable-next-line @typescript-eslint/require-await -- the batches of images, in the other phase, are read
    async *batches(epoch): AsyncGenerator<TrainBatch> {
      const order = new SeededRandom(seed, epoch).shuffled(train)
      for (let start = 0; start < order.length; start += size) {
        const indices = order.slice(start, start + size)
        yield {
          loss: () => crossEntropy(head.forward(rowsOf(indices)), labelsOf(indices)),
          images: () => listed(indices.map((index) => nameOf(dataset, index))),
        }
      }
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- as above
    async measure(): Promise<Measured> {
      return inGradModeNow('inference', () =>
        scope(() => {
          const outputs = head.forward(rowsOf(validation))
          const loss = Number(crossEntropy(outputs, labelsOf(validation)).item())
          const confusion = new ConfusionMatrix(dataset.classes.length)
          const predictions = outputs.argmax({ dim: 1 }).toArray()
          validation.forEach((index, place) => confusion.add(labels[index] ?? 0, Number(predictions[place])))
          return { loss, accuracy: confusion.correct / confusion.total, confusion }
        }),
      )
    },
  }
}

function int64(values: readonly number[]): Tensor {
  return tensor(values.map(BigInt), { dtype: 'int64' })
}
