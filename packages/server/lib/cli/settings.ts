import { existsSync } from 'node:fs'
import { basename, extname, join } from 'node:path'

import { TorchError } from 'napi-torch'
import { didYouMean, shorten, variablesFrom } from 'napi-torch/internal'
import { SAMPLE_CHECKPOINT, sampleModelFolder } from 'napi-torch/internal/cli'
import { checkSettings } from '../check_settings.js'
import { readConfig, type Config } from '../config.js'
import { flagOf, parseSetting, SETTING_NAMES, variableOf } from '../setting_names.js'
import type { Settings } from '../settings.js'

/** Options of `serve`; settings have their own names. */
export type ServeFlags = Readonly<Record<string, unknown>> & {
  readonly config?: string | undefined
  readonly model?: readonly string[] | undefined
  readonly demo?: true | undefined
  readonly check?: true | undefined
  readonly printConfig?: true | undefined
  readonly printSchema?: true | undefined
}

/** Variable that names models as `--model` does, separated by commas. */
export const MODELS_VARIABLE = variableOf('models')

/** A program logs what it does; an embedded library is silent. */
const DEFAULTS = { logLevel: 'info' }

/** The config file that is read where none is named. */
const USUAL_CONFIG = 'server.yaml'

const DEMO_NAME = 'fashion-mnist'

/**
 * Collects the settings: options take precedence over environment variables, and variables over the config file.
 *
 * @throws {TorchError} `TORCH_USAGE`, `TORCH_INVALID_ARGUMENT`, `TORCH_FILE`
 */
export async function collectSettings(flags: ServeFlags): Promise<Settings> {
  const variables = fromVariables()
  const given = fromFlags(flags)
  const config = configOf(flags)
  const file = config === undefined ? { settings: {}, lineOf: () => undefined } : await readConfig(config)
  const ownModels = modelsOf(flags)
  const models = ownModels ?? variables.models ?? file.settings['models'] ?? []
  const originOf = (path: readonly string[]): string | undefined => {
    const [name = ''] = path
    if (name === 'models' && ownModels !== undefined) return '--model'
    if (name === 'models' && variables.models !== undefined) return MODELS_VARIABLE
    if (name in given) return `--${flagOf(name)}`
    if (name in variables.settings) return variableOf(name)
    const line = file.lineOf(path)
    return line === undefined ? undefined : `line ${line}`
  }
  const all = { ...DEFAULTS, ...file.settings, ...variables.settings, ...given, models }
  const settings = checkSettings(all, config === undefined ? 'Settings' : shorten(config), originOf)
  if (settings.models.length > 0 || settings.modelsFolder !== '') return settings
  throw new TorchError(
    'TORCH_USAGE',
    `Expected a model: pass --model NAME=CHECKPOINT, --models-folder FOLDER, --config FILE with models (default: ${USUAL_CONFIG}), or --demo`,
  )
}

/** The config file that is named, else `server.yaml` in the current folder, if it is there. */
export function configOf({ config }: ServeFlags): string | undefined {
  return config ?? (existsSync(USUAL_CONFIG) ? USUAL_CONFIG : undefined)
}

function fromFlags(flags: ServeFlags): Config {
  const given = SETTING_NAMES.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]] as const]))
  return Object.fromEntries(given)
}

/** Reads the variables; all that are wrong are named at once. */
function fromVariables(): { readonly settings: Config; readonly models: readonly object[] | undefined } {
  const settings: Record<string, unknown> = {}
  const faults: string[] = []
  let models: readonly object[] | undefined
  const known = [...SETTING_NAMES.map(variableOf), MODELS_VARIABLE]
  for (const [variable, text] of variablesFrom(variableOf(''))) {
    const name = SETTING_NAMES.find((each) => variableOf(each) === variable)
    if (variable === MODELS_VARIABLE) models = text.split(',').map(modelOf)
    // A limit with a misspelled name would not be applied.
    else if (name === undefined) faults.push(`There is no setting ${variable}${didYouMean(variable, known)}`)
    else {
      try {
        settings[name] = parseSetting(name, text, variable)
      } catch (error) {
        if (!(error instanceof TorchError)) throw error
        faults.push(error.message)
      }
    }
  }
  if (faults.length > 0) throw new TorchError('TORCH_USAGE', faults.join('; '))
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
