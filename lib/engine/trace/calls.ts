import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { TorchError } from '../../util/errors.js'
import type { Module } from '../../nn/module.js'
import { PACKAGE_ROOT } from '../../util/package.js'

interface ModuleCall {
  readonly path: string
  readonly module: Module<unknown>
}

/** Folders of the package's own code, in a checkout and in an installed package. */
const OWN_CODE = ['lib', 'dist'].map((folder) => path.join(PACKAGE_ROOT, folder, path.sep))

/** The frame of {@link ModuleCalls.follow}, which calls the model: what lies beyond it called the trace. */
const FOLLOW = ' at ModuleCalls.follow ('

/** Follows which module of a model is being called. */
export class ModuleCalls {
  readonly #root: ModuleCall
  readonly #open: ModuleCall[] = []
  #isFollowing = false

  constructor(model: Module<unknown>) {
    this.#root = { path: '', module: model }
  }

  /** Path of the module that is being called. */
  get path(): string {
    return this.#current.path
  }

  /** Runs `body`, in which the calls of all modules of the model are followed. */
  follow<T>(body: () => T): T {
    const { module: model } = this.#root
    const restore = model.namedModules().map(([name, module]) => this.#watch({ path: name, module }))
    this.#isFollowing = true
    try {
      return body()
    } finally {
      this.#isFollowing = false
      for (const undo of restore) undo()
    }
  }

  /** Makes the error of a model that cannot be traced; it names the module, and the line of the caller's own code. */
  failure(reason: string): TorchError {
    const { path: where, module } = this.#current
    const name = where === '' ? module.constructor.name : `${where} (${module.constructor.name})`
    // Before and behind it, no line of the model is at fault.
    const line = this.#isFollowing ? callersLine() : null
    return new TorchError('TORCH_TRACE', `Cannot trace ${name}: ${reason}${line === null ? '' : `, at ${line}`}`)
  }

  get #current(): ModuleCall {
    return this.#open.at(-1) ?? this.#root
  }

  // Every module has a `forward` of its own, which its constructor put before the one of its class.
  #watch(call: ModuleCall): () => void {
    const { module } = call
    const descriptor = Object.getOwnPropertyDescriptor(module, 'forward')
    if (descriptor === undefined) return () => undefined
    const forward = module.forward.bind(module)
    const value: typeof forward = (...inputs) => {
      this.#open.push(call)
      try {
        return forward(...inputs)
      } finally {
        this.#open.pop()
      }
    }
    Object.defineProperty(module, 'forward', { ...descriptor, value })
    return () => void Object.defineProperty(module, 'forward', descriptor)
  }
}

/** The innermost line of the stack that is not of this package, between here and the call of the model. */
function callersLine(): string | null {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Infinity
  const { stack } = new Error()
  Error.stackTraceLimit = stackTraceLimit
  // A program may have set Error.prepareStackTrace, which may make anything of the stack.
  if (typeof stack !== 'string') return null
  for (const line of stack.split('\n')) {
    if (line.includes(FOLLOW)) return null
    const location = /(?:\(|at )((?:file:\/\/)?\/?[^()]+):(\d+):(\d+)\)?$/.exec(line)
    if (location === null) continue
    const [, source = '', row, column] = location
    const file = source.startsWith('file://') ? fileURLToPath(source) : source
    if (!file.startsWith('node:') && !OWN_CODE.some((folder) => file.startsWith(folder))) {
      return `${file}:${row}:${column}`
    }
  }
  return null
}
