import { TorchError } from 'napi-torch'
import { expected } from 'napi-torch/internal'
import type { JobQueue } from './job_queue.js'
import { manifestPath, readManifest, type Manifest } from './manifest.js'

const RUN_ID = /^[0-9a-f]{32}$/

/**
 * Finds a run by its id, or by the folder of its results.
 *
 * @throws {TorchError} `TORCH_RUN` if there is none.
 */
export async function findRun(queue: JobQueue, idOrFolder: string): Promise<Manifest> {
  if (typeof idOrFolder !== 'string' || idOrFolder === '')
    throw expected('the id or the folder of a run', 'run', idOrFolder)
  if (!RUN_ID.test(idOrFolder)) return manifestIn(idOrFolder)
  const record = await queue.runs.find(idOrFolder)
  if (record === null)
    throw new TorchError('TORCH_RUN', `The queue ${queue.name} at ${queue.address} knows no run ${idOrFolder}`)
  return record.manifest
}

/** @throws {TorchError} `TORCH_RUN` if no run writes its results into the folder. */
export async function manifestIn(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder)
  if (manifest === null)
    throw new TorchError('TORCH_RUN', `${manifestPath(folder)}: Is not there: no run has its results here`)
  return manifest
}
