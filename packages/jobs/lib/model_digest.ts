import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { TorchError } from 'napi-torch'
import { checkpointAt, hasCode, PRESET_FILES, reasonOf, shorten } from 'napi-torch/internal'

/**
 * Computes the SHA-256 of everything that a model depends on: the checkpoint, and what lies beside it and may say how images are
 * prepared, such as `preset.json`.
 *
 * @throws {TorchError} `TORCH_FILE` if the checkpoint cannot be read.
 */
export async function modelDigest(path: string): Promise<string> {
  const checkpoint = await checkpointAt(path)
  const hash = createHash('sha256')
  await add(hash, checkpoint)
  for (const file of PRESET_FILES) {
    await add(hash, join(dirname(checkpoint), file)).catch((error: unknown) => {
      if (!(error instanceof TorchError && hasCode(error.cause, 'ENOENT'))) throw error
    })
  }
  return hash.digest('hex')
}

/**
 * Gives the SHA-256 of a file.
 *
 * @throws {TorchError} `TORCH_FILE` if it cannot be read.
 */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256')
  await add(hash, path)
  return hash.digest('hex')
}

async function add(hash: Hash, path: string): Promise<void> {
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece)
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  }
}
