import type { FastifySchema } from 'fastify'
import { Type, type TProperties, type TSchema } from 'typebox'

import { SCHEMAS, type SchemaName } from './schemas.js'

/** A route as the OpenAPI document describes it. */
export interface RouteDescription {
  readonly operationId: string
  readonly summary: string
  /** What status 200 means, and the body that comes with it. */
  readonly success: {
    readonly description: string
    readonly schema: SchemaName
    readonly example?: unknown
    /** Whether the response may also be binary data. */
    readonly isBinary?: boolean
  }
  /** Other statuses than 200. */
  readonly errors?: readonly ErrorStatus[]
  /** Parameters of the path, by their names. */
  readonly params?: TProperties
  /** Query parameters, which are also validated by their schemas. */
  readonly query?: TProperties
  readonly headers?: TProperties
  /** Schemas of the body by media type. */
  readonly body?: Readonly<Record<string, TSchema>>
  /** Examples of JSON bodies by their names. */
  readonly examples?: object
  /** Whether the body may be left out. Default: `false`. */
  readonly isBodyOptional?: boolean
  /** Whether the route is open to everyone, where others ask for a token. */
  readonly isOpen?: boolean
}

/** Path parameters of routes of a model. */
export const MODEL_PARAMS = { model: Type.String({ description: 'Name of the model', examples: ['fashion-mnist'] }) }
/** Path parameters of routes of a version of a model. */
export const VERSION_PARAMS = {
  ...MODEL_PARAMS,
  version: Type.String({ description: 'Version of the model', examples: ['1'] }),
}

/** Binary data as a body. */
export const BINARY = Type.Unsafe<string>({ type: 'string', format: 'binary' })

const ERRORS = {
  400: 'The request is malformed, or asks for something that the model cannot do',
  401: 'The token is missing or wrong',
  404: 'The model or version does not exist',
  413: 'The request exceeds a size limit',
  415: 'The media type or encoding of the body is not supported',
  422: 'The checkpoint cannot be loaded',
  429: 'The queue is full, or the client sends too many requests; Retry-After says when to try again',
  503: 'The model is not ready, or the server is shutting down',
  504: 'The deadline passed before the result was computed',
} as const

/** A status other than 200. */
export type ErrorStatus = keyof typeof ERRORS

/** The statuses of every route that computes. */
export const INFERENCE_ERRORS: readonly ErrorStatus[] = [400, 401, 404, 413, 415, 429, 503, 504]

/** The schema of a route that is not part of the OpenAPI document. */
export const HIDDEN: FastifySchema = { hide: true }

/** Makes the schema of a route, from which Fastify validates the query and @fastify/swagger describes the route. */
export function describeRoute(description: RouteDescription): FastifySchema {
  const { operationId, summary, success, errors = [], params, query, headers, body, isOpen = false } = description
  const { examples, isBodyOptional = false } = description
  const { schema, example, isBinary = false } = success
  const json = { schema: refTo(schema), ...(example === undefined ? {} : { example }) }
  const binary = isBinary ? { 'application/octet-stream': { schema: BINARY } } : {}
  const failures = errors.map((status) => [
    status,
    { description: ERRORS[status], content: { 'application/json': { schema: refTo('Error') } } },
  ])
  return {
    operationId,
    summary,
    response: {
      200: { description: success.description, content: { 'application/json': json, ...binary } },
      ...(Object.fromEntries(failures) as object),
    },
    ...(params === undefined ? {} : { params: Type.Object(params) }),
    ...(query === undefined ? {} : { querystring: Type.Object(query) }),
    ...(headers === undefined ? {} : { headers: Type.Object(headers) }),
    ...(body === undefined ? {} : { body: { content: contentOf(body) }, [BODY_FACTS]: { examples, isBodyOptional } }),
    ...(isOpen ? { security: [] } : {}),
  }
}

/** Refers to a named schema. */
export function refTo(name: SchemaName): TSchema {
  return Type.Ref(`${name}#`)
}

/** Where an operation keeps what @fastify/swagger cannot say of a body: see {@link completeBodies}. */
const BODY_FACTS = 'x-body-facts'

interface Operation {
  readonly requestBody?: { required?: boolean; readonly content: Readonly<Record<string, { examples?: object }>> }
  [BODY_FACTS]?: Pick<RouteDescription, 'examples' | 'isBodyOptional'>
}

/** Adds the examples of bodies whose schema is a reference, and marks bodies that may be left out. */
export function completeBodies(paths: object): void {
  const items = Object.values(paths) as Readonly<Record<string, Operation>>[]
  for (const operation of items.flatMap((item) => Object.values(item))) {
    const { requestBody, [BODY_FACTS]: facts } = operation
    if (requestBody === undefined || facts === undefined) continue
    const json = requestBody.content['application/json']
    if (json !== undefined && facts.examples !== undefined) json.examples = facts.examples
    if (facts.isBodyOptional === true) requestBody.required = false
    Reflect.deleteProperty(operation, BODY_FACTS)
  }
}

function contentOf(body: Readonly<Record<string, TSchema>>): object {
  return Object.fromEntries(Object.entries(body).map(([type, schema]) => [type, { schema }]))
}

/** The named schemas, as Fastify takes them. */
export function namedSchemas(): readonly (TSchema & { readonly $id: string })[] {
  return Object.entries(SCHEMAS).map(([$id, schema]) => ({ ...schema, $id }))
}
