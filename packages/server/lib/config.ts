import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml'
import { TorchError } from 'napi-torch'
import { isError, isHubAddress, reasonOf, shorten } from 'napi-torch/internal'
import { FILE_SETTINGS } from './setting_names.js'

/** Far more than a config file needs. */
const MAX_CHARACTERS = 2 ** 20

/** Settings by name. `checkSettings` checks the names and values. */
export type Config = Readonly<Record<string, unknown>>

/** The content of a config file. */
export interface ConfigFile {
  readonly settings: Config
  /** Gives the line, from 1, of the setting at `path`, such as `['models', '0', 'name']`, or of what holds it. */
  readonly lineOf: (path: readonly string[]) => number | undefined
}

/**
 * Reads a config file in YAML 1.2, which includes JSON. Paths of models, tokens and certificates are relative to the folder of the
 * file. `models` is a list, or an object with a checkpoint for each model name. `$schema` is for editors, and left out.
 *
 * @throws {TorchError} `TORCH_FILE` if it cannot be read, `TORCH_INVALID_ARGUMENT` with the line that is not valid.
 */
export async function readConfig(path: string): Promise<ConfigFile> {
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
    throw fault(isError(cause) ? cause.message : String(cause))
  }
  if (!isRecord(value)) throw fault('Expected names and values, such as port: 8000')
  const settings = Object.fromEntries(Object.entries(value).filter(([name]) => name !== '$schema'))
  return {
    settings: withPaths(settings, dirname(resolve(path))),
    lineOf: (names) => {
      const offset = offsetOf(document, names)
      return offset === undefined ? undefined : lineCounter.linePos(offset).line
    },
  }
}

/** Finds where the last of `names` stands that the document has. */
function offsetOf(document: Document, names: readonly string[]): number | undefined {
  let node: unknown = document.contents
  let offset: number | undefined
  for (const name of names) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      // A number stands for a model that is given by its name.
      const pair: Pair | undefined =
        node.items.find(({ key }) => isScalar(key) && String(key.value) === name) ?? node.items[Number(name)]
      if (pair === undefined) return offset
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(name)]
      offset = startOf(node) ?? offset
    } else {
      return offset
    }
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
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
  const from = (file: string): string => (isHubAddress(file) ? file : resolve(folder, file))
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
