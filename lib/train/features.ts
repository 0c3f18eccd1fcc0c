import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { readCheckpoint } from '../checkpoint/read.js'
import { loadCheckpoint } from '../checkpoint/load.js'
import { saveCheckpoint } from '../checkpoint/write/save.js'
import { Headless } from '../classifier/headless.js'
import { compile } from '../engine/compile.js'
import type { Module } from '../nn/module.js'
import { fromArray } from '../tensor/creation.js'
import { StateDict } from '../tensor/state_dict.js'
import type { Tensor } from '../tensor/tensor.js'
import { hasCode } from '../util/errno.js'
import { TorchError } from '../util/errors.js'
import { isMap } from '../util/realm.js'
import { scope, withoutScope } from '../util/scope.js'
import type { Dataset } from '../vision/dataset.js'
import type { UnreadableImage } from './check_data.js'
import type { CheckedFinetune } from './options.js'

/** Of all images of a dataset, in its order. */
export interface ImageFeatures {
  /** What the last linear layer is given for each image, (N, features); zeros for one that cannot be read. */
  readonly values: Tensor
  /** Index of the class of each image, -1 where it cannot be read. */
  readonly labels: readonly number[]
  readonly unreadable: readonly UnreadableImage[]
}

const FILE = 'features.pth'

/** Runs each image once through the model without its head, by a compiled engine. With a folder, they are kept there. */
export async function featuresOf(
  model: Module,
  dataset: Dataset,
  options: CheckedFinetune,
  key: string,
): Promise<ImageFeatures> {
  const { stateFolder } = options
  const path = stateFolder === undefined ? null : join(stateFolder, FILE)
  const kept = path === null ? null : await readFeatures(path, key)
  if (kept !== null) return kept
  const features = await computeFeatures(model, dataset, options)
  if (path !== null && stateFolder !== undefined) {
    await mkdir(stateFolder, { recursive: true })
    const { values, labels, unreadable } = features
    const state = new StateDict()
    state.set('features', values)
    const seen = unreadable.map(({ index, message }) => ({ index, message }))
    await saveCheckpoint(path, { state_dict: state, labels, unreadable: JSON.stringify(seen), key })
  }
  return features
}

async function computeFeatures(
  model: Module,
  dataset: Dataset,
  { preset, batchSize, signal, onProgress }: CheckedFinetune,
): Promise<ImageFeatures> {
  const labels = Array.from({ length: dataset.length }, () => -1)
  const unreadable: UnreadableImage[] = []
  const onError = (error: unknown, index: number): void => {
    unreadable.push({ index, message: messageOf(error) })
  }
  let engine: Awaited<ReturnType<typeof compile>> | null = null
  let rows: Float32Array | null = null
  try {
    for await (const { images, labels: of, indices } of dataset.batches({
      transform: preset,
      batchSize,
      signal,
      onError,
    })) {
      let output: Float32Array
      try {
        // The same kernels each time, so that the same images have the same features.
        engine ??= await compile(new Headless(model), {
          input: images.shape.slice(1),
          maxBatchSize: batchSize,
          autotune: false,
        })
        output = await engine.run(images.toFloat32Array(), { signal })
      } finally {
        images.dispose()
      }
      const width = output.length / indices.length
      rows ??= new Float32Array(dataset.length * width)
      for (const [place, index] of indices.entries()) {
        rows.set(output.subarray(place * width, (place + 1) * width), index * width)
        labels[index] = of[place] ?? -1
      }
      const done = (indices.at(-1) ?? 0) + 1
      onProgress?.({ phase: 'features', done, total: dataset.length, epoch: 0, loss: null, accuracy: null, lr: null })
    }
  } finally {
    await engine?.close()
  }
  if (rows === null) {
    const [first] = unreadable
    throw new TorchError('TORCH_DATASET', `No image of the dataset can be read: ${first?.message ?? 'it has none'}`)
  }
  const [values, shape] = [rows, [dataset.length, rows.length / dataset.length]]
  return { values: withoutScope(() => scope(() => fromArray(values, shape))), labels, unreadable }
}

/** ImageFeatures of the very training, null where there are none. */
async function readFeatures(path: string, key: string): Promise<ImageFeatures | null> {
  const checkpoint = await readCheckpoint(path).catch((error: unknown) => {
    if (error instanceof TorchError && hasCode(error.cause, 'ENOENT')) return null
    throw error
  })
  const root = checkpoint?.root
  if (!isMap(root)) return null
  const [labels, unreadable, of] = ['labels', 'unreadable', 'key'].map((name) => root.get(name))
  if (of !== key || !Array.isArray(labels) || typeof unreadable !== 'string') return null
  const state = await withoutScope(() => loadCheckpoint(path, { key: 'state_dict' }))
  const values = state.get('features')
  if (values === undefined) return null
  return { values, labels: labels.map(Number), unreadable: JSON.parse(unreadable) as UnreadableImage[] }
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
}
