import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import Schema from 'typebox/schema'

import { describe } from 'napi-torch/internal'
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
