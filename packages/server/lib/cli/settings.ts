import { basename, extname, join } from 'node:path'

import { TorchError } from 'napi-torch'
import { variablesFrom } from 'napi-torch/internal'
import { sampleModelFolder } from 'napi-torch/internal/cli'
import { readConfig, type Config } from '../config.js'
import { parseSetting, SETTING_NAMES, variableOf } from '../setting_names.js'
import { checkSettings, type Settings } from '../settings.js'

/** Options of `serve` as they stand on the command line; settings have their own names. */
export type ServeFlags = Readonly<Record<string, unknown>> & {
  readonly config?: string
  readonly model?: readonly string[]
  readonly demo?: true
  readonly check?: true
  readonly printConfig?: true
}

/** A variable that names models as `--model` does, one after the other with commas between. */
export const MODELS_VARIABLE = variableOf('models')

/** A program at work says what it does, other than a library that is embedded. */
const DEFAULTS = { logLevel: 'info' }

const DEMO = { name: 'fashion-mnist', file: 'resnet18-fashion-mnist.pth' }

/**
 * Puts the settings together: flags count before variables of the environment, those before the config file.
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
    // A misspelt limit that goes unseen is none.
    else throw new TorchError('TORCH_USAGE', `There is no setting ${variable}`)
  }
  return { settings, models }
}

function modelsOf({ model = [], demo }: ServeFlags): readonly object[] | undefined {
  const models = model.map(modelOf)
  if (demo === true) models.push({ name: DEMO.name, checkpoint: join(sampleModelFolder(), DEMO.file) })
  return models.length === 0 ? undefined : models
}

/** Reads `NAME=CHECKPOINT`, `NAME@VERSION=CHECKPOINT`, or a checkpoint alone, after whose file the model is called. */
function modelOf(text: string): object {
  const [, name, version, checkpoint] = /^([^=@/\\]+)(?:@([^=/\\]+))?=(.+)$/s.exec(text.trim()) ?? []
  if (name === undefined || checkpoint === undefined) {
    return { name: basename(text.trim(), extname(text.trim())), checkpoint: text.trim() }
  }
  return { name, ...(version === undefined ? {} : { version }), checkpoint }
}
