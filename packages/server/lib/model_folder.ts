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
}

/** The models of a folder. */
export interface FolderScan {
  /** All versions that are there. */
  readonly versions: readonly FolderVersion[]
  /** Those that the policy of versions chooses. */
  readonly chosen: readonly FolderVersion[]
}

const CONFIG = 'config.yaml'
const VERSION = /^[1-9]\d{0,17}$/
const ENDINGS: readonly string[] = ['.pth', '.pt', '.safetensors', '.ckpt', '.bin', '.tar', '.pt2']
/** What the folder itself says, and what would run code of any user who may write to it. */
const NOT_IN_CONFIG = ['name', 'version', 'checkpoint', 'module']

/** Lists the models of a folder. @throws {TorchError} `TORCH_FILE` if it cannot be read. */
export async function scanModels(all: Settings): Promise<FolderScan> {
  const { modelsFolder, versionPolicy } = all
  const versions: FolderVersion[] = []
  const chosen: FolderVersion[] = []
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
      found.push({ name, version, fingerprint, settings: () => settingsOf({ all, folder, name, version, files }) })
    }
    found.sort((one, other) => Number(BigInt(one.version) - BigInt(other.version)))
    versions.push(...found)
    chosen.push(...choose(found, versionPolicy))
  }
  return { versions, chosen }
}

/** Chooses the versions that `all`, `latest:N` or a list of numbers means. */
function choose(versions: readonly FolderVersion[], policy: string): readonly FolderVersion[] {
  if (policy === 'all') return versions
  const latest = /^latest:(\d+)$/.exec(policy)?.[1]
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
  const candidates = files.filter((file) => ENDINGS.includes(extname(file)))
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
