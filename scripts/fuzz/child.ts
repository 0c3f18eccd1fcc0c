// Reads the files that scripts/fuzz/supervisor.ts sends, in every way that the package can, and tells what came of it.
// Whatever ends or hangs this process is what is looked for.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'

import { CheckpointError, findStateDict, loadCheckpoint, memory, readCheckpoint, TorchError } from 'napi-torch'

import { command } from '../../lib/cli/inspect/inspect.js'
import { Terminal } from '../../lib/cli/output/terminal.js'
import { readModel } from '../../lib/model/read.js'

import type { Report, Request, Step } from './supervisor.js'

const PATH = join(tmpdir(), `napi-torch-fuzz-${process.pid}`)
/** From here on the collector is called by hand. */
const GARBAGE_BYTES = 32 * 2 ** 20
/** Tensors up to this size are read to the last element, as long as all of them together are no larger. */
const READ_BYTES = 2 ** 20
/** What an application must expect of a file that is none of a model, beside errors of checkpoints. */
const OTHER_CODES: ReadonlySet<string> = new Set(['TORCH_ARCHITECTURE', 'TORCH_LABELS', 'TORCH_INVALID_ARGUMENT'])
/** A message that is longer echoes the file. */
const MAX_MESSAGE = 4_000

/** What one way of reading a file came to. */
interface Reading extends Step {
  /** `value` or the code of the error. */
  readonly outcome: string
}

/** Reads once, and measures it. An error that is none of ours is thrown on: it is a find. */
async function measure(name: string, body: () => Promise<unknown>): Promise<Reading> {
  const rss = status('VmRSS')
  resetPeak()
  const before = process.cpuUsage()
  const outcome = await body().then(
    () => 'value',
    (error: unknown) => {
      const isExpected =
        error instanceof TorchError && (error instanceof CheckpointError || OTHER_CODES.has(error.code))
      if (!isExpected) throw error
      if (error.message.length <= MAX_MESSAGE) return error.code
      throw new Error(`A message of ${error.message.length} characters: ${error.message.slice(0, 200)}`)
    },
  )
  const { user, system } = process.cpuUsage(before)
  const extraBytes = (status('VmHWM') - rss) * 1024
  // Or what one reading has left would be counted among the next one's.
  if (extraBytes > GARBAGE_BYTES) globalThis.gc?.()
  return { name, outcome, cpuMs: (user + system) / 1000, extraBytes }
}

async function inspect(file: string | Uint8Array, size: number): Promise<void> {
  const checkpoint = await readCheckpoint(file)
  const { tensors } = findStateDict(checkpoint, { wholeModule: true })
  for (const [key, { storage, shape, nbytes }] of tensors) {
    const { offset, length } = storage.record
    const isInside =
      offset >= 0 && length >= 0 && offset + length <= size && shape.every(Number.isSafeInteger) && nbytes >= 0
    if (!isInside) throw new Error(`Tensor ${key} lies outside of the file: ${offset} + ${length} of ${size}`)
  }
}

async function load(file: string | Uint8Array, mmap: boolean): Promise<void> {
  const state = await loadCheckpoint(file, { mmap, wholeModule: true, stripPrefix: true })
  try {
    let left = READ_BYTES
    for (const tensor of state.values()) {
      left -= tensor.nbytes
      if (left >= 0) tensor.toArray()
    }
  } finally {
    state.dispose()
  }
}

/** Prints what the command line prints of a file. */
async function report(file: string, json: true | undefined): Promise<void> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() }) as unknown as typeof process.stdout
  const context = { terminal: new Terminal(nowhere, nowhere), signal: new AbortController().signal }
  await command.run({ file }, { json, wholeModule: true } as Parameters<typeof command.run>[1], context)
}

/** KiB of a line of /proc/self/status; nothing where there is no such file. */
function status(name: string): number {
  try {
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Then the peak is that of the process, and a find is reported once too often.
  }
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

/** Gives the CPU time of work as readers do it, always the same: it tells how much others slow this process down. */
function pace(): number {
  const before = process.cpuUsage()
  const made = new Map<string, object>()
  for (let index = 0; index < 20_000; index++) made.set(`key${index}`, { index })
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

async function read({ bytes, way }: Request): Promise<Report> {
  const paces = [pace()]
  const file = way === 'bytes' ? bytes : PATH
  if (way !== 'bytes') writeFileSync(PATH, bytes)
  const before = { memory: memory(), files: openFiles() }
  const inspected = await measure('inspect', () => inspect(file, bytes.length))
  const loaded = await measure('load', () => load(file, way === 'mmap'))
  const steps = [inspected, loaded, await measure('model', () => readModel(file, { wholeModule: true }))]
  if (way !== 'bytes') {
    steps.push(await measure('report', () => report(PATH, undefined)))
    steps.push(await measure('json', () => report(PATH, true)))
  }
  const left = memory()
  if (left.tensors !== before.memory.tensors || left.bytes !== before.memory.bytes) {
    throw new Error(`Left ${left.tensors - before.memory.tensors} tensors alive`)
  }
  if (way !== 'bytes' && openFiles() > before.files) throw new Error(`Left ${openFiles() - before.files} files open`)
  const isSame = loaded.outcome === inspected.outcome
  return {
    outcome: isSame ? loaded.outcome : `${inspected.outcome}, then ${loaded.outcome}`,
    steps: steps.map(({ name, cpuMs, extraBytes }) => ({ name, cpuMs, extraBytes })),
    paceMs: Math.max(...paces, pace()),
  }
}

process.on('message', (request: Request) => {
  read(request).then(
    (report) => process.send?.(report),
    (error: unknown) =>
      process.send?.({ foreign: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.on('disconnect', () => rmSync(PATH, { force: true }))
process.send?.('ready')
