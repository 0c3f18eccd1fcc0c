import { basename, extname, join } from 'node:path'

import { TorchError } from 'napi-torch'
import { variablesFrom } from 'napi-torch/internal'
import { SAMPLE_CHECKPOINT, sampleModelFolder } from 'napi-torch/internal/cli'
import { readConfig, type Config } from '../config.js'
import { parseSetting, SETTING_NAMES, variableOf } from '../setting_names.js'
import { checkSettings, type Settings } from '../settings.js'

/** Options of `serve`; settings have their own names. */
export type ServeFlags = Readonly<Record<string, unknown>> & {
  readonly config?: string | undefined
  readonly model?: readonly string[] | undefined
  readonly demo?: true | undefined
  readonly check?: true | undefined
  readonly printConfig?: true | undefined
}

/** Variable that names models as `--model` does, separated by commas. */
export const MODELS_VARIABLE = variableOf('models')

/** A program logs what it does; an embedded library is silent. */
const DEFAULTS = { logLevel: 'info' }

const DEMO_NAME = 'fashion-mnist'

/**
 * Collects the settings: options take precedence over environment variables, and variables over the config file.
 *
 * @throws {TorchError} `TORCH_USAGE`, `TORCH_INVALID_ARGUMENT`, `TORCH_FILE`
 */
export async function collectSettings(flags: ServeFlags): Promise<Settings> {
  const variables = fromVariables()
  const file = flags.config === undefined ? {} : await readConfig(flags.config)
  const models = modelsOf(flags) ?? variables.models ?? file['models'] ?? []
  const given = { ...DEFAULTS, ...file, ...variables.settings, ...fromFlags(flags), models }
  const settings = checkSettings(given, flags.config ?? 'the settings')
  if (settings.models.length > 0) return settings
  throw new TorchError(
    'TORCH_USAGE',
    'Expected a model: pass --model NAME=CHECKPOINT, --config FILE with models, or --demo',
  )
}

function fromFlags(flags: ServeFlags): Config {
  const given = SETTING_NAMES.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]] as const]))
  return Object.fromEntries(given)
}

function fromVariables(): { readonly settings: Config; readonly models: readonly object[] | undefined } {
  const settings: Record<string, unknown> = {}
  let models: readonly object[] | undefined
  for (const [variable, text] of variablesFrom(variableOf(''))) {
    const name = SETTING_NAMES.find((each) => variableOf(each) === variable)
    if (name !== undefined) settings[name] = parseSetting(name, text, variable)
    else if (variable === MODELS_VARIABLE) models = text.split(',').map(modelOf)
    // A limit with a misspelled name would not be applied.
    else throw new TorchError('TORCH_USAGE', `There is no setting ${variable}`)
  }
  return { settings, models }
}

function modelsOf({ model = [], demo }: ServeFlags): readonly object[] | undefined {
  const models = model.map(modelOf)
  if (demo === true) models.push({ name: DEMO_NAME, checkpoint: join(sampleModelFolder(), SAMPLE_CHECKPOINT) })
  return models.length === 0 ? undefined : models
}

/** Reads `NAME=CHECKPOINT`, `NAME@VERSION=CHECKPOINT`, or a checkpoint alone, whose file name becomes the name. */
function modelOf(text: string): object {
  const [, name, version, checkpoint] = /^([^=@/\\]+)(?:@([^=/\\]+))?=(.+)$/s.exec(text.trim()) ?? []
  if (name === undefined || checkpoint === undefined) {
    return { name: basename(text.trim(), extname(text.trim())), checkpoint: text.trim() }
  }
  return { name, ...(version === undefined ? {} : { version }), checkpoint }
}
