import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { saveCheckpoint } from '../checkpoint/write/save.js'
import { loadOptimizerState } from '../optim/state.js'
import { isTensor } from '../nn/checks.js'
import { getRngState } from '../tensor/random.js'
import { StateDict } from '../tensor/state_dict.js'
import type { Tensor } from '../tensor/tensor.js'
import { hasCode } from '../util/errno.js'
import { TorchError } from '../util/errors.js'
import { isMap } from '../util/realm.js'
import { scope } from '../util/scope.js'
import type { FinetuneEpoch } from './options.js'

const FILE = 'training.pth'
/** Of the layout of the file. */
const VERSION = 1

/** A training after an epoch. */
export interface TrainingState {
  readonly epochs: readonly FinetuneEpoch[]
  readonly best: FinetuneEpoch | null
  /** Weights of the trained parts. */
  readonly tuned: StateDict
  readonly bestTuned: StateDict
  readonly optimizer: unknown
  readonly scheduler: unknown
  /** Of the default generator. */
  readonly rng: Tensor
}

/** What is written: all of {@link TrainingState} but the random numbers, which are taken as they are. */
export type WrittenTraining = Omit<TrainingState, 'rng' | 'optimizer' | 'scheduler'> & {
  readonly optimizer: Parameters<typeof saveCheckpoint>[1]
  readonly scheduler: Parameters<typeof saveCheckpoint>[1]
}

/** Writes the state of a training, as a whole or not at all. */
export async function writeTrainingState(
  folder: string,
  key: string,
  { epochs, best, tuned, bestTuned, optimizer, scheduler }: WrittenTraining,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  await scope(() =>
    saveCheckpoint(join(folder, FILE), {
      ...{ version: VERSION, key, record: JSON.stringify({ epochs, best }) },
      ...{ tuned, best: bestTuned, optimizer, scheduler, rng: getRngState() },
    }),
  )
}

/**
 * Reads the state of a training, null where there is none. Its tensors belong to the scope around.
 *
 * @throws {TorchError} `TORCH_TRAINING` if it is that of another training.
 */
export async function readTrainingState(folder: string, key: string): Promise<TrainingState | null> {
  const path = join(folder, FILE)
  const root = await loadOptimizerState(path).catch((error: unknown) => {
    if (error instanceof TorchError && hasCode(error.cause, 'ENOENT')) return null
    throw error
  })
  if (root === null) return null
  const get = (name: string): unknown => (isMap(root) ? root.get(name) : undefined)
  if (get('version') !== VERSION || get('key') !== key) {
    const text = `${folder}: Holds another training: its images, model or options differ; go on with those, or remove the folder`
    throw new TorchError('TORCH_TRAINING', text)
  }
  const [rng, record] = [get('rng'), get('record')]
  if (!isTensor(rng) || typeof record !== 'string') {
    throw new TorchError('TORCH_TRAINING', `${path}: Is no state of a training`)
  }
  const { epochs, best } = JSON.parse(record) as Pick<TrainingState, 'epochs' | 'best'>
  const state = { tuned: stateOf(get('tuned')), bestTuned: stateOf(get('best')) }
  return { epochs, best, ...state, optimizer: get('optimizer'), scheduler: get('scheduler'), rng }
}

/** Removes what a training has kept. */
export async function removeTrainingState(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

function stateOf(value: unknown): StateDict {
  const state = new StateDict()
  if (isMap(value)) for (const [key, tensor] of value) if (isTensor(tensor)) state.set(String(key), tensor)
  return state
}
