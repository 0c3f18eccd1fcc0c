/**
 * Measures the cost of the queue, in one run, with a Redis of its own. Three parts:
 *
 * - `rate`: 10,000 images by `evaluate` in one process, by one worker with a thread per core, and by one worker per core with one
 *   thread each; in turn, round by round, with everything loaded before the clock starts.
 * - `locks`: what happens to the locks of chunks that take longer than a lock lasts, if a worker computes on its event loop, and if it
 *   uses an engine.
 * - `redis`: how many chunks per second Redis hands to workers that compute nothing, and how much of a core that takes.
 *
 * npm run bench:jobs -- [--only rate,locks,redis] [--rounds 3] [--images 10000] [--json bench/results/jobs.json]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { Queue } from 'bullmq'
import { submit } from '@napi-torch/jobs'

import { DEFAULT_CHUNK_SIZE } from '../packages/jobs/lib/limits.js'
import { writeImages } from '../test/packages/jobs/support/images.js'
import { RedisServer } from '../test/packages/jobs/support/redis.js'
import { WorkerProcess } from '../test/packages/jobs/support/worker_process.js'
import { CHECKPOINT } from '../test/support/fashion_mnist.js'
import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf } from './support/sample.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'rate,locks,redis' },
    rounds: { type: 'string', default: '3' },
    images: { type: 'string', default: '10000' },
    json: { type: 'string', default: fileURLToPath(new URL('results/jobs.json', import.meta.url)) },
  },
})
const rounds = Number(values.rounds)
const cores = availableParallelism()
const folder = mkdtempSync(join(tmpdir(), 'napi-torch-bench-jobs-'))
const redis = await RedisServer.start()

/** A program of bench/jobs, and the lines that it prints. */
class Program {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(name: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`jobs/${name}`, import.meta.url))
    const flags = ['--conditions=napi-torch-source', '--import', 'tsx']
    this.child = spawn(process.execPath, [...flags, path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    if (this.child.stdout === null) throw new Error('The program has no output')
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    const next = await this.#lines.next()
    if (next.done === true) throw new Error('The program has ended')
    return next.value
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null) return
    const exited = once(this.child, 'exit')
    this.child.kill(signal)
    await exited
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 2))
}

let outputs = 0
const outputFolder = (): string => join(folder, `out-${outputs++}`)

async function evaluateRate(list: string, images: number): Promise<number> {
  const program = new Program('evaluate.ts', [CHECKPOINT, list])
  await program.line()
  program.child.stdin?.write('\n')
  const seconds = Number(await program.line())
  await program.end()
  return images / seconds
}

/** All workers have computed something, and have the model in memory, before the run is submitted. */
async function queueRate(source: string, warm: string, images: number, threads: readonly number[]): Promise<number> {
  await redis.flush()
  let [ready, done, last] = [0, 0, 0]
  const begun = new Set<number>()
  const workers = threads.map((count, index) => {
    return new WorkerProcess(['--redis', redis.url, '--threads', `${count}`], ({ type }) => {
      if (type === 'ready') ready++
      if (type !== 'chunk') return
      begun.add(index)
      done++
      last = performance.now()
    })
  })
  await until(() => ready === workers.length)
  const options = { model: CHECKPOINT, redis: redis.url }
  const warmUp = await submit(warm, { ...options, out: outputFolder(), chunkSize: 8 })
  await until(() => done === warmUp.chunks)
  if (begun.size < workers.length) throw new Error('A worker had nothing to do while the others warmed up')

  done = 0
  const { chunks } = await submit(source, { ...options, out: outputFolder() })
  const began = performance.now()
  await until(() => done === chunks)
  const rate = (1000 * images) / (last - began)
  for (const worker of workers) worker.child.kill('SIGTERM')
  await Promise.all(workers.map(({ ended }) => ended))
  return rate
}

async function rateSection(): Promise<object> {
  const images = Number(values.images)
  const source = join(folder, 'images')
  const paths = await writeImages(source, images)
  const warm = join(folder, 'warm')
  await writeImages(warm, 512)
  const list = join(folder, 'list.csv')
  writeFileSync(list, ['path,label', ...paths.map((path, index) => `${path},${index % 10}`), ''].join('\n'))
  const one = `one worker, ${cores} threads`
  const many = `${cores} workers, 1 thread each`
  const contenders: Readonly<Record<string, () => Promise<number>>> = {
    evaluate: () => evaluateRate(list, images),
    [one]: () => queueRate(source, warm, images, [cores]),
    [many]: () =>
      queueRate(
        source,
        warm,
        images,
        Array.from({ length: cores }, () => 1),
      ),
  }
  const rates = new Map(Object.keys(contenders).map((name): [string, number[]] => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, contender] of Object.entries(contenders)) rates.get(name)?.push(await contender())
  }
  const ratios = (above: string, below: string): number[] =>
    (rates.get(above) ?? []).map((rate, round) => rate / (rates.get(below)?.[round] ?? NaN))
  const samples = Object.fromEntries([...rates].map(([name, each]) => [name, sampleOf(each)]))
  for (const [name, sample] of Object.entries(samples))
    console.log(`${name.padEnd(26)} ${formatSample(sample, 0)} images/s`)
  const toEvaluate = sampleOf(ratios(one, 'evaluate'))
  const toOne = sampleOf(ratios(many, one))
  console.log(`through the queue, to evaluate: ${formatSample(toEvaluate, 3)} (goal 0.97)`)
  console.log(`${many}, to ${one}: ${formatSample(toOne, 3)} (goal 1)`)
  return { images, chunkSize: DEFAULT_CHUNK_SIZE, imagesPerSecond: samples, toEvaluate, toOne }
}

const LOCK_MS = 1000
const CHUNKS = 8
/** Time after which a part that does not end is given up. */
const MAX_LOCKS_MS = 90_000
/** At about 30 ms per image, a chunk takes as long as three locks. */
const IMAGES = 100

async function locksOf(way: 'blocking' | 'engine'): Promise<object> {
  await redis.flush()
  const name = `locks-${way}`
  const queue = new Queue(name, { connection: { host: '127.0.0.1', port: redis.port } })
  const workers = [0, 1].map(() => new Program('worker.ts', [`${redis.port}`, name, way, `${LOCK_MS}`, `${IMAGES}`]))
  for (const worker of workers) await worker.line()
  await queue.addBulk(Array.from({ length: CHUNKS }, (_, chunk) => ({ name: 'chunk', data: { chunk } })))
  const computed: string[] = []
  let stalled = 0
  const began = performance.now()
  const following = workers.map(async (worker) => {
    for (;;) {
      const line = await worker.line().catch(() => null)
      if (line === null) return
      if (line.startsWith('stalled')) stalled++
      else if (line.startsWith('chunk')) computed.push(line)
    }
  })
  const isDone = async (): Promise<boolean> => {
    const { wait = 0, active = 0, delayed = 0 } = await queue.getJobCounts('wait', 'active', 'delayed')
    return wait + active + delayed === 0
  }
  let isFinished: boolean
  do {
    await new Promise((resolve) => setTimeout(resolve, 100))
    isFinished = await isDone()
  } while (!isFinished && performance.now() - began < MAX_LOCKS_MS)
  const seconds = (performance.now() - began) / 1000
  const { completed: accepted = 0 } = await queue.getJobCounts('completed')
  await Promise.all(workers.map((worker) => worker.end('SIGKILL')))
  await Promise.all(following)
  await queue.close()
  const result = {
    chunks: CHUNKS,
    lockMs: LOCK_MS,
    takenAway: stalled,
    computed: computed.length,
    accepted,
    isFinished,
    seconds,
  }
  console.log(
    `${way.padEnd(8)}: ${CHUNKS} chunks, locks of ${LOCK_MS} ms: ${stalled} times taken from a living worker, ` +
      `computed ${computed.length} times, ${accepted} accepted, ${isFinished ? 'done' : 'given up'} after ${seconds.toFixed(1)} s`,
  )
  return result
}

/** Images per second of a core, for the estimate below: ResNet-18 at 224 pixels. */
const IMAGES_PER_CORE = 60
const STUB_CHUNKS = 20_000

async function redisRate(workers: number, list: string): Promise<{ chunks: number; redisCore: number }> {
  await redis.flush()
  await submit(list, { model: CHECKPOINT, redis: redis.url, out: outputFolder(), chunkSize: 1, allowRoot: [folder] })
  const used = async (): Promise<number> => {
    const info = await redis.use((client) => client.info('cpu'))
    return ['used_cpu_user', 'used_cpu_sys'].reduce((sum, name) => {
      return sum + Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1])
    }, 0)
  }
  const waiting = (): Promise<number> => redis.use((client) => client.llen('napi-torch:images:wait'))
  const programs = Array.from({ length: workers }, () => new Program('stub.ts', [redis.url, '8']))
  for (const program of programs) await program.line()
  const counted = await waiting()
  const start = performance.now()
  const cpu = await used()
  while ((await waiting()) > STUB_CHUNKS / 10) await new Promise((resolve) => setTimeout(resolve, 20))
  const seconds = (performance.now() - start) / 1000
  const done = counted - (await waiting())
  const core = (await used()) - cpu
  for (const program of programs) {
    program.child.stdin?.end()
    await once(program.child, 'exit')
  }
  return { chunks: done / seconds, redisCore: core / done }
}

async function redisSection(): Promise<object> {
  const list = join(folder, 'stub.csv')
  writeFileSync(
    list,
    ['path', ...Array.from({ length: STUB_CHUNKS }, (_, index) => `${folder}/${index}.png`), ''].join('\n'),
  )
  const rows: object[] = []
  let chunksPerCore = 0
  for (const workers of [1, 2, 4]) {
    const measured = await redisRate(workers, list)
    chunksPerCore = Math.max(chunksPerCore, 1 / measured.redisCore)
    rows.push({ workers, ...measured })
    const percent = (100 * measured.chunks * measured.redisCore).toFixed(0)
    console.log(
      `${workers} workers that compute nothing: ${measured.chunks.toFixed(0)} chunks/s, ` +
        `${(1e6 * measured.redisCore).toFixed(0)} µs of Redis each (${percent} % of its core)`,
    )
  }
  const images = chunksPerCore * DEFAULT_CHUNK_SIZE
  console.log(
    `A core of Redis is enough for ${chunksPerCore.toFixed(0)} chunks/s: at ${DEFAULT_CHUNK_SIZE} images a chunk ` +
      `${(images / 1e3).toFixed(0)} thousand images/s, or ${(images / IMAGES_PER_CORE).toFixed(0)} cores of ${IMAGES_PER_CORE} images/s`,
  )
  return { rows, chunksPerCore }
}

const SECTIONS: Readonly<Record<string, () => Promise<object>>> = {
  rate: rateSection,
  locks: async () => ({ blocking: await locksOf('blocking'), engine: await locksOf('engine') }),
  redis: redisSection,
}
try {
  const machine = describeMachine()
  printMachine(machine)
  const results: Record<string, object> = {}
  for (const name of values.only.split(',')) {
    const section = SECTIONS[name]
    if (section === undefined) throw new Error(`There is no part ${name}`)
    console.log(`\n${name}`)
    results[name] = await section()
  }
  writeFileSync(values.json, `${JSON.stringify({ machine, ...results }, null, 2)}\n`)
} finally {
  await redis.remove()
  rmSync(folder, { recursive: true, force: true })
}
