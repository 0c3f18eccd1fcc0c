import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { TextDecoder } from 'node:util'
import { dirname, join } from 'node:path'

import { writeAtomically } from '../util/atomic_file.js'
import { TorchError } from '../util/errors.js'
import { hasCode } from '../util/errno.js'
import { readFileInput, type FileInput } from '../util/file_input.js'
import { shorten } from '../util/check.js'
import { checkPresetSettings, ImagePreset, PRESET_METADATA_KEY } from './preset.js'
import { isFields, labelsOfConfig, settingsOfConfig, type JsonFields } from './preset_config.js'

/** The file beside a checkpoint that says how its images are prepared. */
export const PRESET_FILE = 'preset.json'

/** Holds the names of classes for transformers, and the whole preset for timm. */
export const CONFIG_FILE = 'config.json'

/** The files beside a checkpoint that may say how images are prepared; the first that does counts. */
export const PRESET_FILES = [PRESET_FILE, 'preprocessor_config.json', CONFIG_FILE] as const

/**
 * Makes a preset of what {@link ImagePreset.toJSON} gave, or of a `config.json` of timm or `preprocessor_config.json` of transformers.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, which names `where`, if that is no preset.
 */
export function fromJson(value: unknown, where = 'the preset'): ImagePreset {
  return new ImagePreset(settingsOfConfig(value, where) ?? checkPresetSettings(where, value))
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
  return fromJson(await readJson(file), whereOf(file))
}

function whereOf(file: FileInput): string {
  return typeof file === 'string' ? shorten(file) : 'the preset'
}

function readPresetFile(file: FileInput): Promise<Uint8Array> {
  return readFileInput(file, {
    name: 'the preset',
    code: 'TORCH_FILE',
    maxBytes: MAX_PRESET_BYTES,
    tooLarge: (reason) => new TorchError('TORCH_FILE', reason),
  })
}

/** A preset that lies beside a checkpoint, and the name of its file. */
export interface PresetBeside {
  readonly preset: ImagePreset
  readonly file: (typeof PRESET_FILES)[number]
}

/**
 * Reads the first of {@link PRESET_FILES} beside a checkpoint that says how images are prepared, or gives null if there is none. Files
 * of these names that say something else are passed over, but for {@link PRESET_FILE}.
 *
 * @throws {TorchError} as {@link load}; `TORCH_INVALID_ARGUMENT` for a way to prepare images that no preset can describe.
 */
export async function findBeside(checkpoint: string): Promise<PresetBeside | null> {
  const folder = await folderOf(checkpoint)
  for (const file of PRESET_FILES) {
    const preset = await readIfThere(join(folder, file), file === PRESET_FILE)
    if (preset !== null) return { preset, file }
  }
  return null
}

/** A checkpoint that is a folder of a hub has its other files in it, one of torch.distributed.checkpoint has them beside it. */
async function folderOf(checkpoint: string): Promise<string> {
  const [own, distributed] = await Promise.all([checkpoint, join(checkpoint, '.metadata')].map(statsOf))
  return own?.isDirectory() === true && distributed === null ? checkpoint : dirname(checkpoint)
}

function statsOf(path: string): Promise<Stats | null> {
  return stat(path).catch(() => null)
}

/** Gives the preset of {@link findBeside} alone. */
export async function beside(checkpoint: string): Promise<ImagePreset | null> {
  return (await findBeside(checkpoint))?.preset ?? null
}

/**
 * Reads the names of the classes out of the `config.json` beside a checkpoint, for where that says nothing of images. Null where there
 * is none, or where it is no file of timm or transformers.
 */
export async function labelsBeside(checkpoint: string): Promise<readonly string[] | null> {
  return labelsIn(await folderOf(checkpoint))
}

async function labelsIn(folder: string): Promise<readonly string[] | null> {
  return labelsOfConfig(await readConfig(join(folder, CONFIG_FILE)))
}

/** Reads a file of JSON that any program may have written; null where there is none, or where it is no object in JSON. */
export async function readConfig(path: string): Promise<JsonFields | null> {
  const value = await readJson(path).catch(() => null)
  return isFields(value) ? value : null
}

async function readIfThere(path: string, isOwn: boolean): Promise<ImagePreset | null> {
  if (!isOwn) {
    const settings = settingsOfConfig(await readConfig(path), shorten(path))
    if (settings === null) return null
    // transformers has the names of classes in another file.
    const labels = settings.labels ?? (await labelsIn(dirname(path)))
    return new ImagePreset({ ...settings, labels: labels ?? undefined })
  }
  try {
    return await load(path)
  } catch (error) {
    if (error instanceof TorchError && hasCode(error.cause, 'ENOENT')) return null
    throw error
  }
}

async function readJson(file: FileInput): Promise<unknown> {
  return parseJson(new TextDecoder().decode(await readPresetFile(file)), whereOf(file))
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
  return fromJson(parseJson(text, where), where)
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${where}: Is not valid JSON`, { cause })
  }
}
