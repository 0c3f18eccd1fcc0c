import { basename, extname, join } from 'node:path'

import { TorchError } from 'napi-torch'
import { variablesFrom } from 'napi-torch/internal'
import { sampleModelFolder } from 'napi-torch/internal/cli'
import { readConfig, type Config } from '../config.js'
import { parseSetting, SETTING_NAMES, variableOf } from '../setting_names.js'
import { checkSettings, type Settings } from '../settings.js'

/** Options of `serve` on the command line; settings are among them under their own names. */
export type ServeFlags = Readonly<Record<string, unknown>> & {
  readonly config?: string
  readonly model?: readonly string[]
  readonly demo?: true
  readonly check?: true
  readonly printConfig?: true
}

/** The variable that lists models in the form of `--model`, separated by commas. */
export const MODELS_VARIABLE = variableOf('models')

/** Defaults of the command that differ from those of the library: a program logs. */
const DEFAULTS = { logLevel: 'info' }

const DEMO = { name: 'fashion-mnist', file: 'resnet18-fashion-mnist.pth' }

/**
 * Collects the settings: flags take precedence over environment variables, and those over the config file.
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
  throw new TorchError('TORCH_USAGE', 'Expected a model: --model NAME=CHECKPOINT, --config FILE with models, or --demo')
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
    // An ignored misspelled limit would not limit anything.
    else throw new TorchError('TORCH_USAGE', `There is no setting ${variable}`)
  }
  return { settings, models }
}

function modelsOf({ model = [], demo }: ServeFlags): readonly object[] | undefined {
  const models = model.map(modelOf)
  if (demo === true) models.push({ name: DEMO.name, checkpoint: join(sampleModelFolder(), DEMO.file) })
  return models.length === 0 ? undefined : models
}

/** Parses `NAME=CHECKPOINT`, `NAME@VERSION=CHECKPOINT`, or a checkpoint, whose file name then names the model. */
function modelOf(text: string): object {
  const [, name, version, checkpoint] = /^([^=@/\\]+)(?:@([^=/\\]+))?=(.+)$/s.exec(text.trim()) ?? []
  if (name === undefined || checkpoint === undefined) {
    return { name: basename(text.trim(), extname(text.trim())), checkpoint: text.trim() }
  }
  return { name, ...(version === undefined ? {} : { version }), checkpoint }
}
