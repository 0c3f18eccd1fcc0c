import assert from 'node:assert/strict'
import { runInNewContext } from 'node:vm'

import { fromArray, keep, memory, scope, tensor, type Tensor } from 'napi-torch'

import * as realm from '../../lib/util/realm.js'

/** What code of another realm makes, beside what only looks like it. */
const VALUES: readonly [check: keyof typeof realm, code: string, other: string][] = [
  ['isError', 'new RangeError("x")', '({ message: "x", name: "Error" })'],
  ['isMap', 'new (class extends Map {})()', 'new WeakMap()'],
  ['isSet', 'new Set()', 'new WeakSet()'],
  ['isPromise', 'Promise.resolve()', '({ then() {} })'],
  ['isArrayBuffer', 'new ArrayBuffer(1)', 'new SharedArrayBuffer(1)'],
  ['isAnyArrayBuffer', 'new SharedArrayBuffer(1)', 'new Uint8Array(1)'],
  ['isUint8Array', 'new Uint8Array(1)', 'new Uint8ClampedArray(1)'],
  ['isUint8ClampedArray', 'new Uint8ClampedArray(1)', 'new Uint8Array(1)'],
  ['isUint32Array', 'new Uint32Array(1)', 'new Int32Array(1)'],
  ['isFloat32Array', 'new Float32Array(1)', 'new Float64Array(1)'],
  ['isBigIntArray', 'new BigUint64Array(1)', 'new Float64Array(1)'],
  ['isPlainObject', '({ a: 1 })', 'new (class A {})()'],
  ['isPlainObject', 'Object.create(null)', 'Object.prototype.constructor'],
]

describe('values of another realm', () => {
  for (const [check, code, other] of VALUES) {
    it(`are told by ${check}(): ${code}, not ${other}`, () => {
      const tells = realm[check] as (value: unknown) => unknown
      assert.deepEqual([tells(runInNewContext(code)), tells(runInNewContext(other))], [true, false])
    })
  }

  it('are told by isError() where they are a DOMException, and by isUrl() and isAbortSignal() as jsdom makes them', () => {
    const url = Object.defineProperty({ href: 'file:///a', protocol: 'file:' }, Symbol.toStringTag, { value: 'URL' })
    const signal = { aborted: false, addEventListener: () => undefined }

    assert.ok(realm.isError(new DOMException('x', 'AbortError')))
    assert.deepEqual(
      [realm.isUrl(url), realm.isUrl(new URL('file:///a')), realm.isUrl({ href: '' })],
      [true, true, false],
    )
    assert.deepEqual([realm.isAbortSignal(signal), realm.isAbortSignal({ aborted: false })], [true, false])
  })

  it('have names where they are typed arrays', () => {
    const made: unknown = runInNewContext('new Float32Array(1)')
    assert.deepEqual([realm.typedArrayName(made), realm.typedArrayName([])], ['Float32Array', undefined])
  })

  it('keep the tensors that they hold, in scope() and keep()', () => {
    const before = memory().tensors
    const hold = runInNewContext(
      '(tensors) => ({ list: [tensors[0]], map: new Map([["a", tensors[1]]]), set: new Set([tensors[2]]), object: { a: tensors[3] } })',
    ) as (tensors: Tensor[]) => object

    const all = [0, 1, 2, 3].map((value) => value)
    const result = scope(() => hold(all.map((value) => tensor([value]))))
    const kept = scope(() => {
      const tensors = all.map((value) => tensor([value]))
      keep(hold(tensors))
      return () => tensors
    })

    assert.equal(memory().tensors - before, 8)
    scope(() => [result].map(() => undefined))
    for (const each of kept()) each.dispose()
    const { list, map, set, object } = result as {
      list: Tensor[]
      map: Map<string, Tensor>
      set: Set<Tensor>
      object: { a: Tensor }
    }
    const values = [...list, ...map.values(), ...set, object.a]
    assert.deepEqual(
      values.map((each) => each.item()),
      all,
    )
    for (const each of values) each.dispose()
  })

  it('are taken as arrays of elements', () => {
    const array = runInNewContext('new Float32Array([1, 2])') as Float32Array
    const view = fromArray(array, [2])
    array[0] = 3
    assert.deepEqual(view.tolist(), [3, 2])
    view.dispose()
  })
})
