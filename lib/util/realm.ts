import { types } from 'node:util'

// Each realm (the page of jsdom, a vm context, the program itself) has classes of its own, so that `instanceof` is false
// for values of another one. These checks look at what a value is, whichever realm made it. A lint rule forbids the others.

/** Tells whether `value` is an error, a DOMException such as an AbortError included. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error || tagOf(value) === 'DOMException'
}

/** Tells whether `value` is a Map or of a class derived from it. */
export function isMap(value: unknown): value is Map<unknown, unknown> {
  return value instanceof Map || types.isMap(value)
}

/** Tells whether `value` is a Set or of a class derived from it. */
export function isSet(value: unknown): value is Set<unknown> {
  return value instanceof Set || types.isSet(value)
}

/** Tells whether `value` is a Promise, not whether it is thenable. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return types.isPromise(value)
}

/** Tells whether `value` is a URL of Node.js or of jsdom, not of the old `url.parse`. */
export function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && 'href' in value && 'protocol' in value && tagOf(value) === 'URL'
}

/** Tells whether `value` is an AbortSignal of Node.js or of jsdom. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  )
}

/** Tells whether `value` is an ArrayBuffer, not shared memory. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return types.isArrayBuffer(value)
}

/** Tells whether `value` is an ArrayBuffer or a SharedArrayBuffer. */
export function isAnyArrayBuffer(value: unknown): value is ArrayBufferLike {
  return types.isAnyArrayBuffer(value)
}

/** Tells whether `value` is a Uint8Array, a Buffer included. */
export function isUint8Array(value: unknown): value is Uint8Array {
  return types.isUint8Array(value)
}

/** Tells whether `value` is a Uint8ClampedArray. */
export function isUint8ClampedArray(value: unknown): value is Uint8ClampedArray {
  return types.isUint8ClampedArray(value)
}

/** Tells whether `value` is a Uint32Array. */
export function isUint32Array(value: unknown): value is Uint32Array {
  return types.isUint32Array(value)
}

/** Tells whether `value` is a Float32Array. */
export function isFloat32Array(value: unknown): value is Float32Array {
  return types.isFloat32Array(value)
}

/** Tells whether the elements of `value` are bigints. */
export function isBigIntArray(value: unknown): value is BigInt64Array | BigUint64Array {
  return types.isBigInt64Array(value) || types.isBigUint64Array(value)
}

/** Gives the name of the class of a typed array, such as `Float32Array`; undefined for anything else, a DataView included. */
export function typedArrayName(value: unknown): string | undefined {
  const name: unknown = types.isTypedArray(value) ? value[Symbol.toStringTag] : undefined
  return typeof name === 'string' ? name : undefined
}

/** Tells whether `value` is an object as a literal makes one. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || (typeof prototype === 'object' && isRoot(prototype))
}

/** Tells whether `prototype` is the `Object.prototype` of some realm. */
function isRoot(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function tagOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Symbol.toStringTag in value
    ? value[Symbol.toStringTag]
    : undefined
}
