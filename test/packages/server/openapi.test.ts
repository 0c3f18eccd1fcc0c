import assert from 'node:assert/strict'

import Schema from 'typebox/schema'

import { MODEL, useServer } from '../../support/server.js'

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: string }[]
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly examples?: Readonly<Record<string, { readonly value: unknown }>> }>
    >
  }
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema?: Json }>> }>
  >
}

interface OpenApi {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
}

const METHODS = ['get', 'post']

/** Loading and unloading are for holders of the admin token: limits.test.ts. */
const ADMINISTRATION = '/v2/repository/models/'

describe('/openapi.json', () => {
  const running = useServer()

  async function read(): Promise<OpenApi> {
    return (await (await fetch(`${running().url}/openapi.json`)).json()) as OpenApi
  }

  function operationsOf({ paths }: OpenApi): (readonly [path: string, method: string, operation: Operation])[] {
    return Object.entries(paths).flatMap(([path, item]) =>
      METHODS.flatMap((method) => (item[method] === undefined ? [] : [[path, method, item[method]] as const])),
    )
  }

  it('describes operations that are told apart, and errors of one form', async () => {
    const document = await read()
    const operations = operationsOf(document)

    assert.match(document.openapi, /^3\.1\./)
    const ids = operations.map(([, , { operationId }]) => operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const [path, method, { responses }] of operations) {
      assert.ok(Object.keys(responses).includes('200'), `${method} ${path}`)
    }
  })

  it('gives examples that are answered with 200, as the schemas say', async () => {
    const document = await read()
    const { schemas } = document.components
    let count = 0
    for (const [path, method, operation] of operationsOf(document)) {
      if (path.startsWith(ADMINISTRATION)) continue
      const url = running().url + path.replace('{model}', MODEL).replace('{version}', '1')
      for (const init of requestsOf(operation)) {
        const response = await fetch(url, { method: method.toUpperCase(), ...init })
        const body = await response.text()

        assert.equal(response.status, 200, `${method} ${path}: ${body}`)
        const schema = operation.responses['200']?.content['application/json']?.schema
        assert.ok(schema, path)
        const context = Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, withLocalRefs(each)]))
        const isValid = Schema.Compile({ ...(withLocalRefs(schema) as object), $defs: context }).Check(JSON.parse(body))
        assert.ok(isValid, `${method} ${path} answers ${body}, unlike its schema`)
        count++
      }
    }
    assert.ok(count > 15, String(count))
  })

  function* requestsOf({ requestBody }: Operation): Generator<RequestInit> {
    if (requestBody === undefined) yield {}
    for (const [type, { examples = {} }] of Object.entries(requestBody?.content ?? {})) {
      for (const { value } of Object.values(examples)) {
        const isImage = type === 'image/*'
        const body = isImage ? new Uint8Array(Buffer.from(value as string, 'base64')) : JSON.stringify(value)
        yield { headers: { 'content-type': isImage ? 'image/png' : type }, body }
      }
    }
  }

  /** The document keeps its schemas under `components`; a schema alone has them under `$defs`. */
  function withLocalRefs(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(withLocalRefs)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => {
        return name === '$ref' && typeof entry === 'string'
          ? [name, entry.replace('#/components/schemas/', '#/$defs/')]
          : [name, withLocalRefs(entry)]
      }),
    )
  }
})
