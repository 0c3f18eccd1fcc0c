import { TorchError } from 'napi-torch'
import { SETTINGS } from './settings.js'

// Settings as text: the names of flags and environment variables, and how values are parsed.

/** Name of a setting. */
export type SettingName = keyof typeof SETTINGS

/** All settings except the models, in the order of the documentation. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

/** The settings that name a file or a folder. */
export const FILE_SETTINGS: readonly SettingName[] = ['modelsFolder', 'tokenFile', 'tlsCert', 'tlsKey']

/** Type, default and description of a setting. */
export interface SettingFacts {
  readonly type: 'integer' | 'number' | 'boolean' | 'string'
  readonly default: string | number | boolean
  readonly description: string
  /** The allowed values of an enumeration, otherwise null. */
  readonly choices: readonly (string | number)[] | null
}

/** Describes a setting. */
export function settingFacts(name: SettingName): SettingFacts {
  const schema = SETTINGS[name] as unknown as Omit<SettingFacts, 'choices'> & {
    readonly enum?: SettingFacts['choices']
  }
  return { type: schema.type, default: schema.default, description: schema.description, choices: schema.enum ?? null }
}

/** Converts `maxBatchSize` to `max-batch-size`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Converts `maxBatchSize` to `NAPI_TORCH_SERVE_MAX_BATCH_SIZE`. */
export function variableOf(name: string): string {
  return `NAPI_TORCH_SERVE_${flagOf(name).replaceAll('-', '_').toUpperCase()}`
}

/**
 * Parses the text of a setting. `checkSettings` checks its range.
 *
 * @param place - The flag or variable, for the message.
 * @throws {TorchError} `TORCH_USAGE`
 */
export function parseSetting(name: SettingName, text: string, place: string): string | number | boolean {
  const { type } = settingFacts(name)
  if (type === 'string') return text
  if (type === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true'
    throw new TorchError('TORCH_USAGE', `Expected true or false for ${place}, received '${text}'`)
  }
  const value = text.trim() === '' ? NaN : Number(text)
  if (Number.isFinite(value) && (type === 'number' || Number.isInteger(value))) return value
  throw new TorchError(
    'TORCH_USAGE',
    `Expected ${type === 'integer' ? 'an integer' : 'a number'} for ${place}, received '${text}'`,
  )
}
