import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import * as api from 'napi-torch'

const { BUILDERS, init, ones, scope, TorchError } = api

/** What callers pass by mistake. Sizes are small, so that what is accepted costs nothing. */
const VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1,
  3,
  1.5,
  NaN,
  Infinity,
  '',
  'x',
  'y'.repeat(5000),
  Symbol('s'),
  5n,
  () => 1,
  [],
  [1, 2],
  ['a'],
  [NaN],
  {},
  { a: 1 },
  Object.create(null) as unknown,
  new Date(0),
  new Map(),
  new Set([1]),
  new Uint8Array(3),
  new Float32Array(2),
  /x/,
  new Error('e'),
]

/** They change the process, or wait for it. */
const LEFT_OUT: ReadonlySet<string> = new Set(['setNumThreads', 'manualSeed', 'useDeterministicAlgorithms'])

/** Calls of each function. */
const CALLS = 12

/** How long a call may take until it counts as begun without a fault, in ms: it may read a file. */
const PATIENCE_MS = 50

const SEED = 20_261_129

let state = SEED

function draw(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}

/** Calls with drawn arguments; gives what was thrown that is no TorchError. */
async function faultOf(call: (...args: unknown[]) => unknown): Promise<string | null> {
  const args = Array.from({ length: draw(4) }, () => VALUES[draw(VALUES.length)])
  try {
    const result = call(...args)
    if (result instanceof Promise) {
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)))
      await Promise.race([result, patience]).finally(() => clearTimeout(timer))
      result.catch(() => undefined)
    }
    return null
  } catch (error) {
    if (error instanceof TorchError) {
      const isLong = error.message.length > 500 && !error.message.startsWith('Error(s) in loading')
      return isLong ? `a message of ${error.message.length} characters` : null
    }
    const shown = args.map((arg) => (typeof arg === 'string' ? JSON.stringify(arg.slice(0, 8)) : typeof arg)).join(', ')
    return `(${shown}): ${error instanceof Error ? `${error.name}: ${error.message.slice(0, 120)}` : String(error)}`
  }
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
}

describe(`public functions, with arguments drawn from seed ${SEED}`, function () {
  this.timeout(60_000)
  const root = process.cwd()
  let folder = ''

  // Some of these values are the names of files, which some of these functions write.
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'napi-torch-test-'))
    process.chdir(folder)
  })

  after(async () => {
    // What was begun has ended by then.
    await delay(500)
    process.chdir(root)
    rmSync(folder, { recursive: true, force: true })
  })

  async function assertRefusals(name: string, call: (...args: unknown[]) => unknown): Promise<void> {
    for (let count = 0; count < CALLS; count++) {
      const fault = await scope(() => faultOf(call))
      assert.equal(fault, null, name)
    }
  }

  for (const [name, value] of Object.entries(api as Record<string, unknown>)) {
    if (typeof value !== 'function' || isClass(value) || LEFT_OUT.has(name)) continue
    it(`${name}() refuses by a TorchError alone`, () => {
      const call = (...args: unknown[]): unknown => Reflect.apply(value, undefined, args) as unknown
      // Whole networks, of which some have 600 million parameters: none is drawn.
      return assertRefusals(name, name in BUILDERS ? (...args) => init.skipInit(() => call(...args)) : call)
    })
  }

  for (const space of ['functional', 'init', 'cuda'] as const) {
    for (const [name, value] of Object.entries(api[space] as Record<string, unknown>)) {
      if (typeof value !== 'function') continue
      it(`${space}.${name}() refuses by a TorchError alone`, () => {
        return assertRefusals(name, (...args) => Reflect.apply(value, undefined, args) as unknown)
      })
    }
  }

  for (const name of [
    'Conv2d',
    'Linear',
    'BatchNorm1d',
    'BatchNorm2d',
    'MaxPool2d',
    'AvgPool2d',
    'AdaptiveAvgPool2d',
  ] as const) {
    it(`new ${name}() refuses by a TorchError alone`, () => {
      return assertRefusals(name, (...args) => Reflect.construct(api[name], args) as unknown)
    })
  }

  const methods = new Set<string>()
  scope(() => {
    let prototype: unknown = Object.getPrototypeOf(ones([1]))
    for (; prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype as object))) {
        if (typeof value === 'function' && !/^constructor$|^dispose$|^wrap$|^_/.test(name)) methods.add(name)
      }
    }
  })
  for (const name of methods) {
    it(`tensor.${name}() refuses by a TorchError alone`, () => {
      return assertRefusals(name, (...args) => {
        const tensor = ones([2, 3])
        return Reflect.apply(Reflect.get(tensor, name) as () => unknown, tensor, args) as unknown
      })
    })
  }
})
