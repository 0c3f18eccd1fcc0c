import type { FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import Schema from 'typebox/schema'

import { describe, didYouMean, shorten } from 'napi-torch/internal'
import { badRequest } from '../status.js'

/**
 * Validates query parameters. Bodies and headers are validated where they are read: bodies are bytes, whose limits are checked
 * while they arrive.
 */
export const validatorOf: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  if (httpPart !== 'querystring') return (value: unknown) => ({ value })
  const validator = Schema.Compile(schema)
  return (given: unknown) => {
    const value = numbersOf(schema, given as Readonly<Record<string, unknown>>)
    const [, [fault]] = validator.Errors(value)
    if (fault === undefined) return { value }
    const name = fault.instancePath.slice(1)
    const received = describe((given as Readonly<Record<string, unknown>>)[name])
    return {
      error: badRequest(`Expected ${expectationOf(propertiesOf(schema)[name])} for ${name}, received ${received}`),
    }
  }
}

/**
 * Refuses query parameters that the route does not have: one with a misspelled name would not be applied.
 *
 * @throws {TorchError} `TORCH_REQUEST` with all their names.
 */
export function checkQueryNames({ query, routeOptions }: FastifyRequest): void {
  const known = Object.keys(propertiesOf(routeOptions.schema?.querystring ?? {}))
  const unknown = Object.keys(query as object).filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  const names = shorten(unknown.map((name) => describe(name) + didYouMean(name, known)).join(', '))
  const what = known.length === 0 ? 'no query parameters' : `query parameters among ${known.join(', ')}`
  throw badRequest(`Expected ${what}, received ${names}`)
}

/** Query parameters are text. What is no number stays text, which its schema refuses. */
function numbersOf(schema: TSchema, query: Readonly<Record<string, unknown>>): object {
  const entries = Object.entries(propertiesOf(schema)).map(([name, { type, default: usual }]) => {
    const text = query[name]
    if (text === undefined) return [name, usual]
    return [name, type === 'integer' && typeof text === 'string' && /^-?\d{1,15}$/.test(text) ? Number(text) : text]
  })
  return { ...query, ...(Object.fromEntries(entries) as object) }
}

interface Property {
  readonly type?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

function propertiesOf(schema: TSchema): Readonly<Record<string, Property>> {
  return (schema as { readonly properties?: Readonly<Record<string, Property>> }).properties ?? {}
}

function expectationOf({ type, minimum, maximum }: Property = {}): string {
  const what = type === 'integer' ? 'an integer' : `a ${type ?? 'value'}`
  if (minimum !== undefined && maximum !== undefined) return `${what} from ${minimum} to ${maximum}`
  return minimum === undefined ? what : `${what} >= ${minimum}`
}
