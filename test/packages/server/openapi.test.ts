import assert from 'node:assert/strict'

import Schema from 'typebox/schema'

import { TINY_PNG } from '../../../packages/server/lib/openapi/examples.js'
import { ask, MODEL, startServer, useServer } from '../../support/server.js'

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId: string
  readonly security?: readonly Json[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: Json
  }[]
  readonly requestBody?: {
    readonly required: boolean
    readonly content: Readonly<
      Record<
        string,
        { readonly schema: Json; readonly examples?: Readonly<Record<string, { readonly value: unknown }>> }
      >
    >
  }
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content: Readonly<Record<string, { readonly schema?: Json }>> }
    >
  >
}

interface OpenApi {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly security?: readonly Json[]
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes?: Json }
}

const METHODS = ['get', 'post']

/** Loading and unloading are for holders of the admin token: integration/limits.test.ts. */
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
      for (const [status, { description, content }] of Object.entries(responses)) {
        assert.match(description, /^[A-Z].{10,}$/, `${method} ${path} ${status}`)
        const schema = content['application/json']?.schema
        if (status !== '200') assert.deepEqual(schema, { $ref: '#/components/schemas/Error' }, `${path} ${status}`)
      }
    }
  })

  it('describes what is asked for with a body or a query, and what may be left out', async () => {
    const { paths } = await read()
    const infer = paths['/v2/models/{model}/infer']?.['post']
    const index = paths['/v2/repository/index']?.['post']
    const classify = paths['/v1/classify/{model}']?.['post']

    assert.deepEqual(infer?.requestBody?.content['application/json']?.schema, {
      $ref: '#/components/schemas/InferRequest',
    })
    assert.deepEqual(Object.keys(infer.requestBody.content['application/json'].examples ?? {}), [
      'pixels',
      'file',
      'deadline',
    ])
    assert.deepEqual([infer.requestBody.required, index?.requestBody?.required], [true, false])
    assert.deepEqual(
      classify?.parameters?.map(({ name, in: place, required, schema }) => [name, place, required, schema['default']]),
      [
        ['top', 'query', false, 5],
        ['model', 'path', true, undefined],
      ],
    )
    assert.ok(Object.keys(infer).every((key) => !key.startsWith('x-')))
  })

  it('lists the routes that a client may need, and none for the page', async () => {
    const { paths } = await read()

    assert.equal(Object.keys(paths).length, 25)
    for (const path of ['/', '/metrics', '/openapi.json']) assert.ok(!(path in paths), path)
  })

  it('asks for a bearer token where the server does, except for health', async () => {
    const secured = await startServer({ token: 'secret' })
    try {
      const headers = { authorization: 'Bearer secret' }
      const document = (await (await fetch(`${secured.url}/openapi.json`, { headers })).json()) as OpenApi

      assert.deepEqual(document.security, [{ bearer: [] }])
      assert.deepEqual(document.components.securitySchemes, { bearer: { type: 'http', scheme: 'bearer' } })
      assert.deepEqual(document.paths['/livez']?.['get']?.security, [])
      assert.equal((await read()).security, undefined)
    } finally {
      await secured.server.close()
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

describe('query parameters', () => {
  const running = useServer()
  const png = Buffer.from(TINY_PNG, 'base64')

  function classify(query: string): ReturnType<typeof ask> {
    const headers = { 'content-type': 'image/png' }
    return ask(`${running().url}/v1/classify/${MODEL}${query}`, { method: 'POST', headers, body: new Uint8Array(png) })
  }

  for (const [query, received] of [
    ['?top=x', '"x"'],
    ['?top=0', '"0"'],
    ['?top=-1', '"-1"'],
    ['?top=1.5', '"1.5"'],
    ['?top=1e1', '"1e1"'],
    ['?top=', '""'],
    ['?top=1000000', '"1000000"'],
    ['?top=1&top=2', '["1", "2"]'],
  ] as const) {
    it(`are refused unless they are as their schema says: ${query}`, async () => {
      const { status, body } = await classify(query)

      assert.deepEqual(
        { status, body },
        {
          status: 400,
          body: { error: `Expected an integer from 1 to 999999 for top, received ${received}`, code: 'TORCH_REQUEST' },
        },
      )
    })
  }

  for (const [query, received] of [
    ['?tpo=1', 'query parameters among top, received "tpo" (did you mean top?)'],
    ['?top=1&x=1&y=2', 'query parameters among top, received "x", "y"'],
  ] as const) {
    it(`are refused where the route does not have them: ${query}`, async () => {
      const { status, body } = await classify(query)

      assert.deepEqual([status, body], [400, { error: `Expected ${received}`, code: 'TORCH_REQUEST' }])
    })
  }

  for (const path of ['/livez', '/metrics', '/v2', `/v2/models/${MODEL}/ready`, '/openapi.json']) {
    it(`are refused at ${path}, which has none`, async () => {
      const { status, body } = await ask(`${running().url}${path}?verbose=1`)

      const error = 'Expected no query parameters, received "verbose"'
      assert.deepEqual([status, body], [400, { error, code: 'TORCH_REQUEST' }])
    })
  }

  it('are let through at the page, to which others link', async () => {
    assert.equal((await fetch(`${running().url}/?utm_source=x`)).status, 200)
  })

  for (const [query, count] of [
    ['', 5],
    ['?top=1', 1],
    ['?top=10', 10],
  ] as const) {
    it(`have their defaults: '${query}'`, async () => {
      const { status, body } = await classify(query)

      assert.equal(status, 200)
      assert.equal((body as { answers: unknown[] }).answers.length, count)
    })
  }
})
