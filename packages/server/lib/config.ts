import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { LineCounter, parseDocument } from 'yaml'
import { TorchError } from 'napi-torch'

/** Nobody writes longer ones by hand. */
const MOST_BYTES = 2 ** 20

/** What a config file may say: names are those of the settings, checked by whoever uses them. */
export type Config = Readonly<Record<string, unknown>>

/**
 * Reads a config file in YAML 1.2, of which JSON is a part. Paths of models, tokens and certificates in it count from its folder;
 * `models` may be a list, or checkpoints by the names of the models.
 *
 * @throws {TorchError} `TORCH_FILE` if it cannot be read, `TORCH_INVALID_ARGUMENT` with the line where it is not valid.
 */
export async function readConfig(path: string): Promise<Config> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TorchError('TORCH_FILE', `${path}: Cannot be read`, { cause })
  })
  const fault = (message: string): TorchError => new TorchError('TORCH_INVALID_ARGUMENT', `${path}: ${message}`)
  if (text.length > MOST_BYTES) throw fault(`Has ${text.length} characters, and ${MOST_BYTES} may be`)
  const lineCounter = new LineCounter()
  // Two equal names are a mistake that must not go unseen; so are warnings, such as those of unknown tags.
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
    // Aliases that grow without bound: the library counts them.
    throw fault(cause instanceof Error ? cause.message : String(cause))
  }
  if (!isRecord(value)) throw fault('Expected names and values, such as port: 8000')
  return withPaths(value, dirname(resolve(path)))
}

const FILES = ['tokenFile', 'tlsCert', 'tlsKey']

function withPaths({ models, ...settings }: Config, folder: string): Config {
  const list = modelsOf(models)
  return {
    ...mapFields(settings, FILES, (file) => resolve(folder, file)),
    ...(list === undefined
      ? {}
      : { models: Array.isArray(list) ? list.map((model) => modelFrom(model, folder)) : list }),
  }
}

/** Makes a list of a map of names to checkpoints; leaves what is neither to those who check it. */
function modelsOf(models: unknown): unknown {
  if (!isRecord(models)) return models
  return Object.entries(models).map(([name, value]) =>
    isRecord(value) ? { name, ...value } : { name, checkpoint: value },
  )
}

function modelFrom(model: unknown, folder: string): unknown {
  if (!isRecord(model)) return model
  const from = (file: string): string => resolve(folder, file)
  // The name of a list of this package is no file.
  const isFile = typeof model['labels'] === 'string' && /[./\\]/.test(model['labels'])
  return mapFields(model, isFile ? ['checkpoint', 'labels'] : ['checkpoint'], from)
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
