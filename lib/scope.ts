import { AsyncLocalStorage } from 'node:async_hooks'

/** A method of this name gives the tensors that an object holds, so that a scope whose result it is keeps them. */
export const HELD = Symbol.for('napi-torch.held')

/** What a scope can dispose. */
interface Resource {
  dispose(): void
}

/** The resources made since a scope began and not handed on. */
class Scope {
  readonly resources = new Set<Resource>()
  readonly parent: Scope | null
  isOpen = true

  constructor(parent: Scope | null) {
    this.parent = parent
  }

  /** Disposes all but what `result` holds, which passes to the nearest scope around that is still open. */
  close(result: unknown): void {
    this.isOpen = false
    for (const resource of heldBy(result)) this.release(resource)
    for (const resource of this.resources) resource.dispose()
    this.resources.clear()
  }

  release(resource: Resource): void {
    if (!this.resources.delete(resource)) return
    let outer = this.parent
    while (outer !== null && !outer.isOpen) outer = outer.parent
    outer?.resources.add(resource)
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
  const opened = new Scope(currentScope())
  const outer = synchronous
  synchronous = null
  try {
    return settle(
      opened,
      storage.run(opened, () => guard(opened, body)),
    )
  } finally {
    synchronous = outer
  }
}

/** As {@link scope} for a `body` that does not wait: cheaper, as it need not be followed over `await`. */
export function synchronousScope<T>(body: () => T): T {
  const opened = new Scope(currentScope())
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
 */
export function keep<T>(value: T): T {
  const current = currentScope()
  if (current !== null) for (const resource of heldBy(value)) current.release(resource)
  return value
}

/** Puts a new resource into the current scope, if there is one. */
export function track(resource: Resource): void {
  const current = synchronous ?? storage.getStore()
  if (current?.isOpen === true) current.resources.add(resource)
}

function currentScope(): Scope | null {
  return synchronous ?? storage.getStore() ?? null
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
  const settled = result.then(
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
    if (HELD in value && typeof value[HELD] === 'function') {
      for (const resource of value[HELD]()) yield resource
    } else if (Array.isArray(value) || value instanceof Set) {
      for (const item of value) open.push(item)
    } else if (value instanceof Map) {
      for (const item of value.values()) open.push(item)
    } else if (isPlainObject(value)) {
      for (const item of Object.values(value)) open.push(item)
    }
  }
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
