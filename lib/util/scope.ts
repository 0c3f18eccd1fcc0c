import { AsyncLocalStorage } from 'node:async_hooks'

import { expected } from './check.js'
import { isMap, isPlainObject, isSet } from './realm.js'

/** A method of this name gives the tensors that an object holds, so that a scope whose result it is keeps them. */
export const HELD: unique symbol = Symbol.for('napi-torch.held')

/** What a scope can dispose. */
interface Resource {
  dispose(): void
}

/** The resources made since a scope began and not handed on. */
class Scope {
  readonly resources = new Set<Resource>()
  readonly parent: Scope | null
  /** Opened by the call of a module, not by the user. */
  readonly isCall: boolean
  isOpen = true

  constructor(parent: Scope | null, { isCall = false } = {}) {
    this.parent = parent
    this.isCall = isCall
  }

  /** Disposes all but what `result` holds, which passes to the nearest scope around that is still open. */
  close(result: unknown): void {
    this.isOpen = false
    try {
      for (const resource of heldBy(result)) this.release(resource)
    } finally {
      // Even if a getter in the result throws.
      for (const resource of this.resources) resource.dispose()
      this.resources.clear()
    }
  }

  release(resource: Resource): void {
    if (this.resources.delete(resource)) nearestOpen(this.parent)?.resources.add(resource)
  }
}

// A scope reaches over `await` through the storage. The synchronous scopes of modules, which open with every forward
// call, use a plain variable instead: the storage costs each promise of the process some time once it is in use.
const storage = new AsyncLocalStorage<Scope>()
let synchronous: Scope | null = null

/**
 * Runs `body` and disposes every tensor that it made, except those in its result.
 *
 * The result is searched through arrays, plain objects, maps, sets, tuples of them and modules; {@link keep} saves a
 * tensor that leaves by another way. Scopes nest: what an inner one gives back belongs to the outer one. An
 * asynchronous `body` is followed over `await`, until its promise settles. If `body` throws, all is disposed.
 */
export function scope<T>(body: () => T): T {
  if (typeof body !== 'function') throw expected('a function', 'body', body)
  const opened = new Scope(currentScope())
  const outer = synchronous
  synchronous = null
  try {
    return storage.run(opened, () => settle(opened, guard(opened, body)))
  } finally {
    synchronous = outer
  }
}

/** Opens a {@link scope} for the synchronous call of a module: cheaper, as it need not be followed over `await`. */
export function synchronousScope<T>(body: () => T): T {
  const opened = new Scope(currentScope(), { isCall: true })
  const outer = synchronous
  synchronous = opened
  try {
    const result = guard(opened, body)
    opened.close(result)
    return result
  } finally {
    synchronous = outer
  }
}

/**
 * Takes the tensors that `value` holds out of the current scope: they live on until they are disposed by hand or
 * belong to the scope around. Gives `value` back. Without a scope it does nothing.
 *
 * In the `forward` or a hook of a module it takes them out of the whole call, however deep the module stands.
 */
export function keep<T>(value: T): T {
  const current = currentScope()
  if (current !== null) for (const resource of heldBy(value)) handOn(current, resource)
  return value
}

/** Runs a synchronous `body` whose resources belong to no scope: for those that an object owns and disposes itself. */
export function withoutScope<T>(body: () => T): T {
  const outer = synchronous
  synchronous = new Scope(null)
  try {
    return body()
  } finally {
    synchronous = outer
  }
}

/** Puts a new resource into the current scope, if there is one. */
export function track(resource: Resource): void {
  currentScope()?.resources.add(resource)
}

/** The innermost scope that is open: work that was not awaited may go on after its own has closed. */
function currentScope(): Scope | null {
  return nearestOpen(synchronous ?? storage.getStore() ?? null)
}

function nearestOpen(scope: Scope | null): Scope | null {
  let nearest = scope
  while (nearest !== null && !nearest.isOpen) nearest = nearest.parent
  return nearest
}

/** Takes a resource out of `current` by the user's wish: out of a call, it leaves all calls that go on around, too. */
function handOn(current: Scope, resource: Resource): void {
  const leaves = (scope: Scope): boolean => current.isCall && scope.isCall
  let holder = current
  while (!holder.resources.has(resource) && holder.parent !== null && leaves(holder.parent)) holder = holder.parent
  if (!holder.resources.delete(resource)) return
  let outer = holder.parent
  while (outer !== null && (!outer.isOpen || leaves(outer))) outer = outer.parent
  outer?.resources.add(resource)
}

function guard<T>(opened: Scope, body: () => T): T {
  try {
    return body()
  } catch (error) {
    opened.close(undefined)
    throw error
  }
}

function settle<T>(opened: Scope, result: T): T {
  if (!isThenable(result)) {
    opened.close(result)
    return result
  }
  const settled = Promise.resolve(result).then(
    (value) => {
      opened.close(value)
      return value
    },
    (error: unknown) => {
      opened.close(undefined)
      throw error
    },
  )
  return settled as T
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Walks a result without recursion, as users may nest deeply, and each object once, as they may tie knots. */
function* heldBy(root: unknown): Generator<Resource> {
  const seen = new Set<unknown>()
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (isHolder(value)) {
      yield* value[HELD]()
    } else if (Array.isArray(value) || isSet(value)) {
      for (const item of value) open.push(item)
    } else if (isMap(value)) {
      for (const [key, item] of value) open.push(key, item)
    } else if (isPlainObject(value)) {
      for (const item of Object.values(value)) open.push(item)
    }
  }
}

function isHolder(value: object): value is { [HELD](): Iterable<Resource> } {
  return HELD in value && typeof value[HELD] === 'function'
}
