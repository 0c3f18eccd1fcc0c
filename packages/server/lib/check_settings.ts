import { Type, type TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import { Value } from 'typebox/value'
import { TorchError } from 'napi-torch'
import { describe, didYouMean } from 'napi-torch/internal'

import { isOrigin, originsOf } from './origins.js'
import { MODEL, SERVER, SETTINGS, versionOf, type Settings } from './settings.js'
import { shareOf } from './workers/share.js'

/** Characters of a message: further faults are counted only. */
const MAX_LENGTH = 460

/** Says where a setting is from, such as `line 3` or `--port`; gives undefined where that is not known. `path` ends in its name. */
export type Origin = (path: readonly string[]) => string | undefined

interface Fault {
  readonly path: readonly string[]
  readonly message: string
}

/**
 * Fills in defaults and checks all settings. The error names all that is wrong.
 *
 * @param place - Where the settings are from, such as a file, for the message.
 * @param originOf - Where in it each setting is. Default: it is not said.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`
 */
export function checkSettings(given: unknown, place = 'settings', originOf: Origin = () => undefined): Settings {
  if (!isObject(given) || Array.isArray(given)) {
    throw new TorchError('TORCH_INVALID_ARGUMENT', `Expected an object for ${place}, received ${describe(given)}`)
  }
  const defaults = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, schema]) => [name, (schema as { default?: unknown }).default]),
  )
  const settings: object = { ...defaults, ...(withoutUndefined(given) as object) }
  let faults = [...faultsOf(settings)]
  // How settings go together is asked where each is what it should be.
  if (faults.length === 0) faults = [...contradictions(settings as Settings)]
  if (faults.length === 0) return settings as Settings
  throw new TorchError('TORCH_INVALID_ARGUMENT', messageOf(faults, place, originOf))
}

function* contradictions({ models, ...settings }: Settings): Generator<Fault> {
  const { maxSamples, tlsCert, tlsKey, repositoryControl, adminToken } = settings
  const keys = models.map((model) => `${model.name} version ${versionOf(model)}`)
  for (const [index, key] of keys.entries()) {
    if (keys.indexOf(key) === index) continue
    yield { path: ['models', String(index)], message: `Expected distinct models, received ${key} twice` }
  }
  for (const { name, maxQueueSize = settings.maxQueueSize } of models) {
    const share = shareOf(maxQueueSize, settings)
    if (maxSamples <= share) continue
    const place = settings.workers === 1 ? `for ${name}` : `for ${name} in each of ${settings.workers} workers`
    const message = `Expected maxSamples of at most maxQueueSize (${share} ${place}), received ${maxSamples}`
    yield { path: ['maxSamples'], message }
  }
  for (const origin of originsOf(settings.corsOrigins)) {
    if (isOrigin(origin)) continue
    const message = `Expected origins such as https://app.example.org, or *, for corsOrigins, received ${describe(origin)}`
    yield { path: ['corsOrigins'], message }
  }
  const { otlpEndpoint } = settings
  if (otlpEndpoint !== '' && !/^https?:\/\//.test(URL.canParse(otlpEndpoint) ? otlpEndpoint : '')) {
    const message = `Expected a URL such as http://localhost:4318/v1/traces for otlpEndpoint, received ${describe(otlpEndpoint)}`
    yield { path: ['otlpEndpoint'], message }
  }
  if ((tlsCert === '') !== (tlsKey === '')) {
    yield { path: [tlsCert === '' ? 'tlsKey' : 'tlsCert'], message: 'Expected both tlsCert and tlsKey, received one' }
  }
  if (repositoryControl && adminToken === '') {
    const message = 'Expected an adminToken with repositoryControl, received none'
    yield { path: ['repositoryControl'], message }
  }
}

/** Removes options that are undefined, which counts as left out. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (!isObject(value)) return value
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
  return Object.fromEntries(entries.map(([name, entry]) => [name, withoutUndefined(entry)]))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Gives all that the schemas refuse, the first fault of each setting. Each is asked alone, as the errors of a schema are limited. */
function* faultsOf(settings: object): Generator<Fault> {
  const { models, ...others } = settings as { readonly models?: unknown }
  yield* faultsOfFields(SERVER.properties, { ...others, models: [] }, [])
  if (!Array.isArray(models)) {
    yield { path: ['models'], message: `models must be array, received ${describe(models)}` }
    return
  }
  for (const [index, model] of models.entries()) {
    const path = ['models', String(index)]
    if (isObject(model)) yield* faultsOfFields(MODEL.properties, model, path)
    else yield { path, message: `${path.join('.')} must be object, received ${describe(model)}` }
  }
}

function* faultsOfFields(
  schemas: Readonly<Record<string, TSchema>>,
  fields: object,
  path: readonly string[],
): Generator<Fault> {
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(schemas, name)) yield { path: [...path, name], message: unknownName(name, path, schemas) }
  }
  for (const [name, schema] of Object.entries(schemas)) {
    const value: unknown = Object.hasOwn(fields, name) ? Reflect.get(fields, name) : undefined
    if (value === undefined && Type.IsOptional(schema)) continue
    const [fault] = Value.Errors(schema, value)
    if (fault === undefined) continue
    const fieldPath = [...path, name]
    const secret = /token/i.test(name) ? '' : `, received ${value === undefined ? 'none' : describe(value)}`
    yield { path: fieldPath, message: `${fieldPath.join('.')} ${expectation(fault)}${secret}` }
  }
}

function expectation({ keyword, params, message }: TLocalizedValidationError): string {
  return keyword === 'enum' ? `must be one of ${params.allowedValues.join(', ')}` : message
}

/** Makes `Expected the name of a setting, received "prot" (did you mean port?)`. */
function unknownName(name: string, path: readonly string[], known: object): string {
  const what = path.length === 0 ? 'a setting' : `a setting of a model under ${path.join('.')}`
  return `Expected the name of ${what}, received ${describe(name)}${didYouMean(name, Object.keys(known))}`
}

/** Makes one line of one fault, or a list of several, in the order of the file. */
function messageOf(faults: readonly Fault[], place: string, originOf: Origin): string {
  const lines = faults.map(({ path, message }) => {
    const origin = originOf(path)
    return origin === undefined ? message : `${origin}: ${message}`
  })
  if (lines.length === 1) return `${place}: ${lines[0]}`
  lines.sort(new Intl.Collator('en', { numeric: true }).compare)
  let text = `${place}: ${lines.length} faults:`
  for (const [index, line] of lines.entries()) {
    if (text.length + line.length > MAX_LENGTH) return `${text}\n  and ${lines.length - index} more`
    text += `\n  ${line}`
  }
  return text
}
