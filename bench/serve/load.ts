/** A process that sends requests to a server. Told what to do as the workers of bench/engine are. */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { constants, setPriority } from 'node:os'

import { Pool } from 'undici'

import { serve } from '../engine/workers/serve.js'

/** A request that is sent again and again. */
export interface Target {
  readonly url: string
  readonly path: string
  readonly file: string
  readonly headers: Readonly<Record<string, string>>
}

/** What came of a load. */
export interface Outcome {
  readonly seconds: number
  /** Answers by their status; 0 counts requests that had none. */
  readonly statuses: Readonly<Record<string, number>>
  /** Answers of status 200 per second. */
  readonly rate: number
  /** Of answers of status 200, in ms from the time at which the request was due. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number }
}

class Tally {
  readonly #latencies: number[] = []
  readonly #statuses: Record<string, number> = {}

  add(status: number, latency: number): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    if (status === 200) this.#latencies.push(latency)
  }

  outcome(seconds: number): Outcome {
    const sorted = this.#latencies.sort((one, other) => one - other)
    const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN
    const latency = { p50: at(0.5), p99: at(0.99), max: at(1) }
    return { seconds, statuses: this.#statuses, rate: sorted.length / seconds, latency }
  }
}

class Sender {
  readonly #target: Target
  readonly #body: Buffer
  readonly #pool: Pool

  constructor(target: Target, connections: number) {
    this.#target = target
    this.#body = readFileSync(target.file)
    // No time limit of its own: how long an answer takes is what is measured.
    this.#pool = new Pool(target.url, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  }

  /** Sends it once and gives the status, or 0. */
  async send(): Promise<number> {
    const { path, headers } = this.#target
    try {
      const { statusCode, body } = await this.#pool.request({ path, method: 'POST', headers, body: this.#body })
      await body.dump()
      return statusCode
    } catch {
      return 0
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }
}

/** So many clients, each of which sends the next request when it has the answer. */
async function closedLoop({
  target,
  clients,
  seconds,
}: {
  target: Target
  clients: number
  seconds: number
}): Promise<Outcome> {
  const sender = new Sender(target, clients)
  const tally = new Tally()
  const started = performance.now()
  const until = started + 1000 * seconds
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      const sent = performance.now()
      const status = await sender.send()
      tally.add(status, performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  await sender.close()
  return tally.outcome((performance.now() - started) / 1000)
}

/**
 * So many requests a second, whether or not the server keeps up: each has a time at which it is due, drawn so that they come
 * as those of many independent clients (Poisson), and its latency counts from then.
 */
async function openLoop({
  target,
  rate,
  seconds,
}: {
  target: Target
  rate: number
  seconds: number
}): Promise<Outcome> {
  const sender = new Sender(target, 2048)
  const tally = new Tally()
  const random = randomOf(1)
  const started = performance.now()
  const sent: Promise<void>[] = []
  for (let due = 0; due < 1000 * seconds; due -= (1000 / rate) * Math.log(1 - random())) {
    const early = started + due - performance.now()
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
    sent.push(sender.send().then((status) => tally.add(status, performance.now() - started - due)))
  }
  await Promise.all(sent)
  await sender.close()
  return tally.outcome((performance.now() - started) / 1000)
}

function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const sockets: Socket[] = []

/** Opens connections that send nothing, and tells how many there are. */
async function idle({ url, count }: { url: string; count: number }): Promise<number> {
  const { hostname, port } = new URL(url)
  for (let index = 0; index < count; index++) {
    const socket = connect(Number(port), hostname)
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    socket.on('error', () => undefined)
    sockets.push(socket)
  }
  return sockets.filter((socket) => !socket.destroyed).length
}

function hangUp(): void {
  for (const socket of sockets.splice(0)) socket.destroy()
}

try {
  // It stands for other machines, whose clocks do not stop because the server is busy.
  setPriority(constants.priority.PRIORITY_HIGH)
} catch {
  console.error('The load has no priority over the servers: its latencies are too long where all cores are busy')
}
await serve({ closedLoop, openLoop, idle, hangUp })
