import { autocast } from '../autograd/autocast.js'
import { inferenceMode } from '../autograd/modes.js'
import { ConfusionMatrix } from '../evaluation/confusion.js'
import { crossEntropy } from '../nn/functional_loss.js'
import type { Module } from '../nn/module.js'
import { tensor } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { scope } from '../util/scope.js'
import type { Dataset } from '../vision/dataset.js'
import { augmentationOf } from './augmentation.js'
import { nameOf } from './check_data.js'
import type { CheckedFinetune } from './options.js'
import type { TunedParts } from './parts.js'
import type { Measured, Phase, TrainBatch } from './phase.js'
import { SeededRandom } from './random.js'
import type { Split } from './split_by_content.js'
import { Subset } from '../data/subset.js'
import { listed } from './words.js'

/** By how much the head may learn faster than the stages below, which know much already. */
const HEAD_FACTOR = 10

/** Trains the last stages and the head, on the images. */
export function stagesPhase(
  model: Module,
  { head, stages }: TunedParts,
  { train, validation }: Split,
  dataset: Dataset,
  options: CheckedFinetune,
): Phase {
  const { seed, batchSize, epochs, lr, preset, signal, dtype } = options
  const augmentation = augmentationOf(preset, options)
  for (const stage of stages) stage.requiresGrad_(true)
  const compute = (images: Tensor): Tensor => {
    const outputs = (): Tensor => model.forward(images)
    return dtype === 'bfloat16' ? autocast(outputs, { dtype }) : outputs()
  }
  return {
    name: 'stages',
    maxEpochs: epochs,
    stepsPerEpoch: Math.ceil(train.length / batchSize),
    groups: [{ params: stages.flatMap((stage) => stage.parameters()) }, { params: head.parameters() }],
    maxLr: [lr, lr * HEAD_FACTOR],
    async *batches(epoch): AsyncGenerator<TrainBatch> {
      // Frozen parts keep their running statistics.
      model.eval()
      for (const part of [...stages, head]) part.train()
      // What the augmentation draws comes from the default generator, whose state is kept with that of the training.
      const order = new SeededRandom(seed, epoch).shuffled(train)
      for await (const batch of new Subset(dataset, order).batches({ transform: augmentation, batchSize, signal })) {
        const { images, labels, indices } = batch
        try {
          yield {
            loss: () => crossEntropy(compute(channelsLast(images)).to('float32'), int64(labels)),
            images: () => listed(indices.map((place) => nameOf(dataset, order[place] ?? 0))),
          }
        } finally {
          images.dispose()
        }
      }
    },
    async measure(): Promise<Measured> {
      model.eval()
      const confusion = new ConfusionMatrix(dataset.classes.length)
      let sum = 0
      const samples = new Subset(dataset, validation)
      for await (const { images, labels } of samples.batches({ transform: preset, batchSize, signal })) {
        inferenceMode(() =>
          scope(() => {
            const outputs = compute(channelsLast(images)).to('float32')
            sum += Number(crossEntropy(outputs, int64(labels)).item()) * labels.length
            const predictions = outputs.argmax({ dim: 1 }).toArray()
            labels.forEach((label, place) => confusion.add(label, Number(predictions[place])))
          }),
        )
        images.dispose()
      }
      return { loss: sum / confusion.total, accuracy: confusion.correct / confusion.total, confusion }
    },
  }
}

function channelsLast(images: Tensor): Tensor {
  return images.ndim === 4 ? images.contiguous({ memoryFormat: 'channels_last' }) : images
}

function int64(values: readonly number[]): Tensor {
  return tensor(values.map(BigInt), { dtype: 'int64' })
}
