import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { LineCounter, parseDocument } from 'yaml'
import { TorchError } from 'napi-torch'
import { reasonOf, shorten } from 'napi-torch/internal'
import { FILE_SETTINGS } from './setting_names.js'

/** Far more than a config file needs. */
const MAX_CHARACTERS = 2 ** 20

/** The content of a config file. `checkSettings` checks the names and values. */
export type Config = Readonly<Record<string, unknown>>

/**
 * Reads a config file in YAML 1.2, which includes JSON. Paths of models, tokens and certificates are relative to the folder of the
 * file. `models` is a list, or an object with a checkpoint for each model name.
 *
 * @throws {TorchError} `TORCH_FILE` if it cannot be read, `TORCH_INVALID_ARGUMENT` with the line that is not valid.
 */
export async function readConfig(path: string): Promise<Config> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  })
  const fault = (message: string): TorchError =>
    new TorchError('TORCH_INVALID_ARGUMENT', `${shorten(path)}: ${message}`)
  if (text.length > MAX_CHARACTERS)
    throw fault(`Expected at most ${MAX_CHARACTERS} characters, received ${text.length}`)
  const lineCounter = new LineCounter()
  // Duplicate names and warnings, such as those of unknown tags, are mistakes that must be seen.
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, prettyErrors: false })
  const [first] = [...document.errors, ...document.warnings]
  if (first !== undefined) {
    const { line, col } = lineCounter.linePos(first.pos[0])
    throw fault(`Line ${line}, column ${col}: ${first.message}`)
  }
  let value: unknown
  try {
    value = document.toJS()
  } catch (cause) {
    // The library limits aliases, which could otherwise expand without bound.
    throw fault(cause instanceof Error ? cause.message : String(cause))
  }
  if (!isRecord(value)) throw fault('Expected names and values, such as port: 8000')
  return withPaths(value, dirname(resolve(path)))
}

function withPaths({ models, ...settings }: Config, folder: string): Config {
  const list = modelsOf(models)
  return {
    ...mapFields(settings, FILE_SETTINGS, (file) => resolve(folder, file)),
    ...(list === undefined
      ? {}
      : { models: Array.isArray(list) ? list.map((model) => modelFrom(model, folder)) : list }),
  }
}

/** Converts an object of names and checkpoints to a list; other values are checked later. */
function modelsOf(models: unknown): unknown {
  if (!isRecord(models)) return models
  return Object.entries(models).map(([name, value]) =>
    isRecord(value) ? { name, ...value } : { name, checkpoint: value },
  )
}

function modelFrom(model: unknown, folder: string): unknown {
  if (!isRecord(model)) return model
  const from = (file: string): string => resolve(folder, file)
  // The name of a built-in list is not a file.
  const isFile = typeof model['labels'] === 'string' && /[./\\]/.test(model['labels'])
  return mapFields(model, isFile ? ['checkpoint', 'labels', 'module'] : ['checkpoint', 'module'], from)
}

function mapFields(record: Config, names: readonly string[], map: (value: string) => string): Config {
  const entries = Object.entries(record).map(([name, value]): [string, unknown] => {
    return [name, names.includes(name) && typeof value === 'string' && value !== '' ? map(value) : value]
  })
  return Object.fromEntries(entries)
}

function isRecord(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
