import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

import fc from 'fast-check'

import { CheckpointError, findStateDict, loadCheckpoint, memory, readCheckpoint, StoredTensor } from 'napi-torch'

import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { OP } from '../../../lib/checkpoint/pickle/opcodes.js'
import { unpickle } from '../../../lib/checkpoint/pickle/read.js'
import { openSource } from '../../../lib/checkpoint/source.js'
import { readEntry, readZip } from '../../../lib/checkpoint/zip/archive.js'
import { zip, type TestEntry } from '../../support/archive.js'
import { fixture } from '../../support/checkpoints.js'

const RUNS = 400
const MAX_MS = 2_000

const FILES = [
  'state_dict.pth',
  'tensors.pth',
  'training.pth',
  'training5.pth',
  'deflated.pth',
  'zip64.pth',
  'big_endian.pth',
]
const CONTENTS = FILES.map((name) => readFileSync(fixture(name)))

/** Runs `body`, which may end in a value or in a CheckpointError, and in nothing else. */
async function survives(body: () => Promise<unknown>): Promise<void> {
  const before = memory()
  const started = performance.now()
  const ended = body().then(
    () => true,
    (error: unknown) => {
      assert.ok(
        error instanceof CheckpointError,
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      )
      return true
    },
  )
  const inTime = await Promise.race([ended, setTimeout(MAX_MS, false, { ref: false })])
  assert.ok(inTime, `took ${Math.round(performance.now() - started)} ms`)
  assert.deepEqual(memory(), before)
}

async function loadAndDispose(bytes: Uint8Array): Promise<void> {
  const state = await loadCheckpoint(bytes)
  state.dispose()
}

/** Reads a file as `inspect` does, and looks at every tensor. */
async function inspect(bytes: Uint8Array): Promise<void> {
  const { tensors } = findStateDict(await readCheckpoint(bytes))
  for (const tensor of tensors.values()) {
    assert.ok(tensor instanceof StoredTensor)
    const { record } = tensor.storage
    assert.ok(record.offset >= 0 && record.offset + record.length <= bytes.length)
  }
}

const mutation = fc.record({
  file: fc.nat(FILES.length - 1),
  changes: fc.array(
    fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), bits: fc.integer({ min: 1, max: 255 }) }),
    {
      minLength: 1,
      maxLength: 8,
    },
  ),
})

interface Mutation {
  readonly file: number
  readonly changes: readonly { readonly at: number; readonly bits: number }[]
}

function mutated(choice: Mutation): Uint8Array {
  return changed(CONTENTS[choice.file] ?? [], choice)
}

function changed(original: ArrayLike<number> | string, { changes }: Mutation): Uint8Array {
  const bytes = typeof original === 'string' ? Buffer.from(original, 'latin1') : Uint8Array.from(original)
  for (const { at, bits } of changes) {
    const index = Math.min(Math.floor(at * bytes.length), bytes.length - 1)
    bytes[index] = (bytes[index] ?? 0) ^ bits
  }
  return bytes
}

/** The entries of the readable files, so that a changed pickle meets storages that are whole. */
const ENTRIES: TestEntry[][] = []

async function entriesOf(bytes: Uint8Array): Promise<TestEntry[]> {
  const { source, entries } = await readZip(await openSource(bytes), checkLimits())
  const read = [...entries].map(async ([name, entry]) => ({ name: `a/${name}`, data: await readEntry(source, entry) }))
  return Promise.all(read)
}

function withMutatedPickle(choice: Mutation): Uint8Array {
  const entries = ENTRIES[choice.file] ?? []
  return zip(entries.map(({ name, data }) => ({ name, data: name === 'a/data.pkl' ? changed(data, choice) : data })))
}

/** Operands that are likely to mean something. */
const operand = fc.oneof(
  fc.uint8Array({ maxLength: 9 }),
  fc
    .constantFrom(
      ...[
        'collections\nOrderedDict\n',
        'torch._utils\n_rebuild_tensor_v2\n',
        'torch\nFloatStorage\n',
        'numpy\ndtype\n',
      ],
      ...['numpy._core.multiarray\nscalar\n', 'numpy._core.multiarray\n_reconstruct\n', 'builtins\nset\n', 'a\nB\n'],
      ...['\x02f8', '\x00', '\x01', '\x02', '\x08\x00\x00\x00'],
    )
    .map((text) => Buffer.from(text, 'latin1')),
)
const program = fc
  .array(fc.tuple(fc.constantFrom(...Object.values(OP)), operand), { maxLength: 60 })
  .map((steps) =>
    Buffer.concat([...steps.flatMap(([opcode, bytes]) => [Buffer.of(opcode), bytes]), Buffer.of(OP.STOP)]),
  )

describe('a reader of hostile files', function () {
  this.timeout(120_000)

  before(async () => {
    for (const bytes of CONTENTS) ENTRIES.push(await entriesOf(bytes))
  })

  it(`ends in a value or a CheckpointError on ${RUNS} mutated files, loading them`, () =>
    fc.assert(
      fc.asyncProperty(mutation, (choice) => survives(() => loadAndDispose(mutated(choice)))),
      { numRuns: RUNS },
    ))

  it(`ends in a value or a CheckpointError on ${RUNS} mutated files, inspecting them`, () =>
    fc.assert(
      fc.asyncProperty(mutation, (choice) => survives(() => inspect(mutated(choice)))),
      { numRuns: RUNS },
    ))

  it(`ends in a value or a CheckpointError on ${RUNS} files with a mutated pickle`, () =>
    fc.assert(
      fc.asyncProperty(mutation, (choice) => survives(() => loadAndDispose(withMutatedPickle(choice)))),
      { numRuns: RUNS },
    ))

  it(`ends in a value or a CheckpointError on ${RUNS * 5} random programs`, () =>
    fc.assert(
      fc.asyncProperty(program, (bytes) => survives(() => unpickle(bytes, { limits: checkLimits(), place: {} }))),
      { numRuns: RUNS * 5 },
    ))

  for (const [index, name] of FILES.entries()) {
    it(`refuses ${name} cut at every 64th byte`, async () => {
      const whole = CONTENTS[index] ?? Buffer.alloc(0)
      for (let length = 0; length < whole.length; length += 64) {
        await survives(() => loadAndDispose(whole.subarray(0, length)))
        await assert.rejects(loadCheckpoint(whole.subarray(0, length)), CheckpointError, `at ${length} bytes`)
      }
    })
  }
})
