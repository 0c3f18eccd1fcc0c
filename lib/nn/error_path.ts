import { describe, shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { joinPath } from './members.js'
import type { Module } from './module.js'

/** Characters of a path, and of a list of inputs, that a message holds. */
const MAX_PART_LENGTH = 80

/** Where an error was thrown, seen from the outermost module through which it has come. */
interface Location {
  readonly seenFrom: Module<unknown>
  readonly path: string
  /** The message without the path. */
  readonly text: string
  /** Class and inputs of the module that threw it. */
  readonly thrower: string
}

const locations = new WeakMap<TorchError, Location>()

/**
 * Names in an error that comes out of the `forward` of a module where in the model it was thrown:
 * `layer1.0.conv1 (Conv2d, input float32 (1, 3, 8, 8)): …`. Each module around it completes the path. The error stays the
 * same object, with its code, cause and trace.
 */
export function locateError(error: unknown, module: Module<unknown>, inputs: readonly unknown[]): void {
  // A trace names the module itself.
  if (!(error instanceof TorchError) || error.code === 'TORCH_TRACE') return
  const location = locations.get(error)
  if (location === undefined) {
    locations.set(error, { seenFrom: module, path: '', text: error.message, thrower: describeCall(module, inputs) })
    return
  }
  const step = pathWithin(module, location.seenFrom)
  if (step === null) return
  const path = location.path === '' ? step : joinPath(step, location.path)
  locations.set(error, { ...location, seenFrom: module, path })
  rename(error, `${shorten(path, MAX_PART_LENGTH)} (${location.thrower}): ${location.text}`)
  Object.defineProperty(error, 'modulePath', { value: path, configurable: true, enumerable: true })
}

function describeCall(module: Module<unknown>, inputs: readonly unknown[]): string {
  const list = shorten(inputs.map(describe).join(' and '), MAX_PART_LENGTH)
  return list === '' ? module.constructor.name : `${module.constructor.name}, input ${list}`
}

/** Path of a module that is called by another, a child or deeper; null if it is not one of its members. */
function pathWithin(outer: Module<unknown>, inner: Module<unknown>, seen = new Set([outer])): string | null {
  const children = outer.namedChildren({ removeDuplicate: false })
  const [direct] = children.find(([, child]) => child === inner) ?? []
  if (direct !== undefined) return direct
  for (const [name, child] of children) {
    if (seen.has(child)) continue
    const rest = pathWithin(child, inner, seen.add(child))
    if (rest !== null) return joinPath(name, rest)
  }
  return null
}

/** Gives an error another message, with which its stack begins, too. */
export function rename(error: Error, message: string): void {
  const { stack } = error
  if (typeof stack === 'string') error.stack = stack.replace(error.message, () => message)
  error.message = message
}
