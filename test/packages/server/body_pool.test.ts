import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

import { readBody } from '../../../packages/server/lib/body.js'
import { BodyBudget } from '../../../packages/server/lib/body_budget.js'
import { BodyPool } from '../../../packages/server/lib/body_pool.js'

const KIB = 1024
const LIMITS = {
  maxBytesInFlight: 2 ** 30,
  maxClientShare: 1,
  minBodyBytesPerSecond: 0,
  busyBodyBytesPerSecond: 0,
}

describe('BodyPool', () => {
  it('lends the memory that it got back, once, to bodies of about its length', () => {
    const pool = new BodyPool(2 ** 20)
    const memory = pool.allocate(600 * KIB)
    pool.give(memory.subarray(4))
    // As it has been given back, this is not its memory any more.
    pool.give(memory.subarray(4))

    assert.equal(pool.bytes, 600 * KIB)
    assert.equal(pool.reuse(601 * KIB), null)
    assert.equal(pool.reuse(299 * KIB), null)
    assert.equal(pool.reuse(300 * KIB)?.buffer, memory.buffer)
    assert.equal(pool.reuse(300 * KIB), null)
    assert.equal(pool.bytes, 0)
  })

  it('keeps no more than its limit, the last used first, and releases all', () => {
    const pool = new BodyPool(1000 * KIB)
    const [first, second, third] = [400, 500, 450].map((size) => pool.allocate(size * KIB))
    for (const memory of [first, second, third]) if (memory !== undefined) pool.give(memory)
    pool.give(pool.allocate(1001 * KIB))

    assert.equal(pool.bytes, 950 * KIB)
    assert.equal(pool.reuse(400 * KIB)?.buffer, third?.buffer)
    pool.clear()
    assert.equal(pool.reuse(400 * KIB), null)
  })

  it('keeps neither memory of others, nor short or too long bodies, nor what went to another thread, and frees it', () => {
    const pool = new BodyPool(2 ** 20)
    const sent = pool.allocate(300 * KIB)
    structuredClone(sent.buffer, { transfer: [sent.buffer as ArrayBuffer] })
    const bodies = [Buffer.allocUnsafeSlow(300 * KIB), pool.allocate(255 * KIB), pool.allocate(1025 * KIB), sent]
    for (const body of bodies) pool.give(body)

    assert.equal(pool.bytes, 0)
    assert.deepEqual(
      bodies.map(({ byteLength }) => byteLength),
      [0, 0, 0, 0],
    )
  })
})

describe('readBody() with memory of former bodies', () => {
  const pool = new BodyPool(2 ** 24)
  const budget = new BodyBudget(LIMITS)
  const bodies: Buffer[] = []
  const failures: unknown[] = []
  const server = createServer((request, response) => {
    const share = budget.open()
    const alignedByte = Number(request.headers['x-aligned'] ?? 0)
    readBody(request, { maxBodyBytes: 2 ** 24, share, alignedByte, pool })
      .then(
        (body) => void bodies.push(body),
        (error: unknown) => void failures.push(error),
      )
      .finally(() => {
        share.release()
        response.end()
      })
  })
  before(async () => once(server.listen(0, '127.0.0.1'), 'listening'))
  beforeEach(() => {
    bodies.length = failures.length = 0
    pool.clear()
  })
  after(() => server.close())

  const open = (headers: Record<string, string | number>) =>
    ask({ port: (server.address() as AddressInfo).port, method: 'POST', headers })

  async function send(sent: Buffer, headers: Record<string, string | number> = {}): Promise<Buffer> {
    const request = open({ 'content-length': sent.length, ...headers }).end(sent)
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
    await once(response.resume(), 'end')
    const body = bodies.pop()
    assert.ok(body !== undefined, String(failures[0]))
    return body
  }

  it('reads each body as it was sent, aligned as is wished, into the same memory', async () => {
    const memory = new Set<unknown>()
    for (const [length, aligned] of [
      [900_010, 0],
      [900_000, 57],
      [500_003, 3],
      [899_999, 2],
    ] as const) {
      const sent = randomBytes(length)
      const body = await send(sent, { 'x-aligned': aligned })
      assert.ok(body.equals(sent))
      assert.equal((body.byteOffset + aligned) % 4, 0)
      memory.add(body.buffer)
      pool.give(body)
    }
    assert.equal(memory.size, 1)
  })

  it('reads bodies of an unknown length, and packed ones', async () => {
    const sent = Buffer.alloc(700_000, 'abc')
    pool.give(await send(sent))
    const chunked = open({ 'transfer-encoding': 'chunked' })
    chunked.write(sent.subarray(0, 300_000))
    chunked.end(sent.subarray(300_000))
    await once(chunked, 'response')
    assert.ok(bodies.pop()?.equals(sent))

    const packed = gzipSync(randomBytes(600_000), { level: 0 })
    const body = await send(packed, { 'content-encoding': 'gzip' })
    assert.equal(body.length, 600_000)
    // That of the packed form has been given back.
    assert.equal(pool.bytes, 700_000)
  })

  it('gives the memory of a body back that never came whole', async () => {
    pool.give(await send(randomBytes(600_000)))
    const cut = open({ 'content-length': 600_000 })
    cut.on('error', () => undefined)
    cut.write(randomBytes(100_000))
    while (pool.bytes > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    cut.destroy()
    while (failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))

    assert.match(String(failures[0]), /closed before the body was complete/)
    assert.equal(pool.bytes, 600_000)
  })
})
