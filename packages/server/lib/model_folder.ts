import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'

import { parse } from 'yaml'
import { TorchError } from 'napi-torch'
import { describe, isError, reasonOf, shorten } from 'napi-torch/internal'
import { checkSettings } from './check_settings.js'
import { MODEL_NAME, type ModelSettings, type Settings } from './settings.js'

// Models in the layout of Triton: FOLDER/NAME/VERSION/model.pth, and settings in FOLDER/NAME/config.yaml.

/** A version of a model in the folder. */
export interface FolderVersion {
  readonly name: string
  readonly version: string
  /** Differs when its files have changed. */
  readonly fingerprint: string
  /** Reads its settings. Rejects where they are wrong, or there is no checkpoint. */
  readonly settings: () => Promise<ModelSettings>
  /** Finds what is still to come: the checkpoint, a shard that its index lists, or the index of shards. Null where all is there. */
  readonly missing: () => Promise<string | null>
}

/** The models of a folder. */
export interface FolderScan {
  /** All versions that are there. */
  readonly versions: readonly FolderVersion[]
  /** Those that the policy of versions chooses. */
  readonly chosen: readonly FolderVersion[]
  /** Older ones, the newest first, of which one is served where none of the chosen ones can be. */
  readonly fallbacks: readonly FolderVersion[]
}

/** A scan, and which of its versions are not being copied any more. */
export interface SettledScan extends FolderScan {
  readonly settled: readonly FolderVersion[]
}

const CONFIG = 'config.yaml'
const VERSION = /^[1-9]\d{0,17}$/
/** A checkpoint in several files, as Hugging Face's libraries save it: its index, and its shards. */
const INDEX = /\.(?:safetensors|bin)\.index\.json$/
const SHARD = /^(.*)-\d{5}-of-\d{5}\.(safetensors|bin)$/
const ENDINGS: readonly string[] = ['.pth', '.pt', '.safetensors', '.ckpt', '.bin', '.tar', '.pt2']
/** What the folder itself says, and what would run code of any user who may write to it. */
const NOT_IN_CONFIG = ['name', 'version', 'checkpoint', 'module']

/** Lists the models of a folder. @throws {TorchError} `TORCH_FILE` if it cannot be read. */
export async function scanModels(all: Settings): Promise<FolderScan> {
  const { modelsFolder, versionPolicy } = all
  const versions: FolderVersion[] = []
  const chosen: FolderVersion[] = []
  const fallbacks: FolderVersion[] = []
  for (const name of (await namesIn(modelsFolder, { isRequired: true })) ?? []) {
    if (!new RegExp(MODEL_NAME).test(name)) continue
    const folder = join(modelsFolder, name)
    const config = await fingerprintOf(join(folder, CONFIG))
    const found: FolderVersion[] = []
    for (const version of (await namesIn(folder)) ?? []) {
      const files = VERSION.test(version) ? await namesIn(join(folder, version)) : null
      if (files === null) continue
      const facts = await Promise.all(files.map((file) => fingerprintOf(join(folder, version, file))))
      const fingerprint = [config, ...facts].join(' ')
      found.push({
        name,
        version,
        fingerprint,
        settings: () => settingsOf({ all, folder, name, version, files }),
        missing: () => missingFile(join(folder, version), files),
      })
    }
    found.sort((one, other) => Number(BigInt(one.version) - BigInt(other.version)))
    versions.push(...found)
    const wanted = choose(found, versionPolicy)
    chosen.push(...wanted)
    // Who names versions wants these, and no others.
    if (LATEST.test(versionPolicy)) fallbacks.push(...found.slice(0, found.length - wanted.length).reverse())
  }
  return { versions, chosen, fallbacks }
}

const LATEST = /^latest:(\d+)$/

/** Chooses the versions that `all`, `latest:N` or a list of numbers means. */
function choose(versions: readonly FolderVersion[], policy: string): readonly FolderVersion[] {
  if (policy === 'all') return versions
  const latest = LATEST.exec(policy)?.[1]
  if (latest !== undefined) return versions.slice(-Number(latest))
  return versions.filter(({ version }) => policy.split(',').includes(version))
}

/** Names in a folder in order; null where it is no folder, or was removed meanwhile, unless it is required. */
async function namesIn(folder: string, { isRequired = false } = {}): Promise<readonly string[] | null> {
  try {
    return (await readdir(folder)).sort()
  } catch (cause) {
    const code = isError(cause) && 'code' in cause ? cause.code : undefined
    if (!isRequired && (code === 'ENOTDIR' || code === 'ENOENT')) return null
    throw new TorchError('TORCH_FILE', `${shorten(folder)}: ${reasonOf(cause)}`, { cause })
  }
}

async function fingerprintOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => null)
  return found === null ? '-' : `${file}:${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`
}

interface Found {
  readonly all: Settings
  readonly folder: string
  readonly name: string
  readonly version: string
  readonly files: readonly string[]
}

async function settingsOf({ all, folder, name, version, files }: Found): Promise<ModelSettings> {
  const place = join(folder, version)
  const candidates = checkpointsOf(files)
  const named = candidates.filter((file) => file.startsWith('model.'))
  const [checkpoint, ...others] = named.length > 0 ? named : candidates
  if (checkpoint === undefined || others.length > 0) {
    const received = checkpoint === undefined ? 'none' : [checkpoint, ...others].join(', ')
    throw new TorchError(
      'TORCH_FILE',
      `${shorten(place)}: Expected one checkpoint such as model.pth, received ${received}`,
    )
  }
  const config = await configOf(folder)
  const settings = { ...config, name, version, checkpoint: join(place, checkpoint) }
  const [model] = checkSettings({ ...all, models: [settings] }, shorten(join(folder, CONFIG))).models
  return model ?? settings
}

/** The files that can be opened as a checkpoint: an index stands for its shards. */
function checkpointsOf(files: readonly string[]): readonly string[] {
  return files.filter((file) => INDEX.test(file) || (ENDINGS.includes(extname(file)) && !SHARD.test(file)))
}

async function missingFile(place: string, files: readonly string[]): Promise<string | null> {
  const [, stem, ending] = files.map((file) => SHARD.exec(file)).find((match) => match !== null) ?? []
  const index = stem === undefined ? undefined : `${stem}.${ending}.index.json`
  if (index !== undefined && !files.includes(index)) return index
  if (checkpointsOf(files).length === 0) return 'a checkpoint such as model.pth'
  for (const file of files.filter((name) => INDEX.test(name))) {
    const shards = await shardsOf(join(place, file))
    const missing = shards.find((shard) => !files.includes(shard))
    if (missing !== undefined) return missing
  }
  return null
}

/** The files that an index lists; none where it is no index, which is told when it is loaded. */
async function shardsOf(index: string): Promise<readonly string[]> {
  try {
    const json: unknown = JSON.parse(await readFile(index, 'utf8'))
    const map: unknown = typeof json === 'object' && json !== null && 'weight_map' in json ? json.weight_map : null
    if (typeof map !== 'object' || map === null) return []
    return [...new Set(Object.values(map))].filter((name) => typeof name === 'string')
  } catch {
    return []
  }
}

async function configOf(folder: string): Promise<object> {
  const path = join(folder, CONFIG)
  const fault = (message: string, cause?: unknown): TorchError =>
    new TorchError('TORCH_INVALID_ARGUMENT', `${shorten(path)}: ${message}`, { cause })
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return {}
  let value: unknown
  try {
    value = parse(text)
  } catch (cause) {
    throw fault(isError(cause) ? cause.message : String(cause), cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fault(`Expected names and values, such as maxBatchSize: 4, received ${describe(value)}`)
  }
  const refused = NOT_IN_CONFIG.find((name) => Object.hasOwn(value, name))
  if (refused !== undefined) throw fault(`Expected no ${refused}, which only the settings of the server can give`)
  const labels: unknown = 'labels' in value ? value.labels : undefined
  // The name of a built-in list is not a file.
  const isFile = typeof labels === 'string' && /[./\\]/.test(labels)
  return isFile ? { ...value, labels: resolve(folder, labels) } : value
}
