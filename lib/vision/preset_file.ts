import { dirname, join } from 'node:path'

import { writeAtomically } from '../util/atomic_file.js'
import { TorchError } from '../util/errors.js'
import { hasCode } from '../util/errno.js'
import { readFileInput, type FileInput } from '../util/file_input.js'
import { shorten } from '../util/check.js'
import { checkPresetSettings, ImagePreset, PRESET_METADATA_KEY } from './preset.js'

/** The file beside a checkpoint that says how its images are prepared. */
export const PRESET_FILE = 'preset.json'

/**
 * Makes a preset of what {@link ImagePreset.toJSON} gave.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, which names `where`, if that is no preset.
 */
export function fromJson(value: unknown, where = 'the preset'): ImagePreset {
  return new ImagePreset(checkPresetSettings(where, value))
}

/**
 * Makes a preset of the metadata of a safetensors file, as `readCheckpoint` gives them, or gives null if they hold none.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` or `TORCH_FILE` if they hold one that cannot be used.
 */
export function fromMetadata(metadata: ReadonlyMap<string, string> | null): ImagePreset | null {
  const text = metadata?.get(PRESET_METADATA_KEY)
  return text === undefined ? null : parse(text, PRESET_METADATA_KEY)
}

/** Its labels are most of it: a million of 16 letters. */
const MAX_PRESET_BYTES = 16 * 2 ** 20

/**
 * Reads a preset file of at most 16 MiB.
 *
 * @param file - A path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
 * @throws {TorchError} `TORCH_FILE` if it cannot be read, `TORCH_INVALID_ARGUMENT` if it holds no preset.
 */
export async function load(file: FileInput): Promise<ImagePreset> {
  const bytes = await readFileInput(file, {
    name: 'the preset',
    code: 'TORCH_FILE',
    maxBytes: MAX_PRESET_BYTES,
    tooLarge: (reason) => new TorchError('TORCH_FILE', reason),
  })
  return parse(new TextDecoder().decode(bytes), typeof file === 'string' ? shorten(file) : 'the preset')
}

/** Reads the {@link PRESET_FILE} beside a checkpoint, or gives null if there is none. Throws as {@link load}. */
export async function beside(checkpoint: string): Promise<ImagePreset | null> {
  const path = join(dirname(checkpoint), PRESET_FILE)
  try {
    return await load(path)
  } catch (error) {
    if (error instanceof TorchError && hasCode(error.cause, 'ENOENT')) return null
    throw error
  }
}

/**
 * Writes a preset as JSON, as a whole or not at all. Beside a checkpoint the file is called {@link PRESET_FILE}.
 *
 * @throws {TorchError} `TORCH_FILE` if the system refuses.
 */
export async function save(path: string, preset: ImagePreset): Promise<void> {
  await writeAtomically(path, (sink) => sink(Buffer.from(`${JSON.stringify(preset, null, 2)}\n`)))
}

function parse(text: string, where: string): ImagePreset {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${where}: Is not valid JSON`, { cause })
  }
  return fromJson(value, where)
}
