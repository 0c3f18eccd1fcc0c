import { createRequire } from 'node:module'
import { extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import { Module } from '../nn/module.js'
import { describe, shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { isError } from '../util/realm.js'

const TYPESCRIPT = new Set(['.ts', '.mts', '.cts', '.tsx'])

/**
 * Builds the module of a JavaScript or TypeScript file: calls its default export, a function or an asynchronous one, or makes an
 * object of it, if it is a class. **The code of the file is run.**
 *
 * TypeScript is read by Node.js where it can, else by `tsx` where that is installed.
 *
 * @throws {TorchError} `TORCH_MODULE` if the file cannot be loaded, or if its default export does not build a module.
 */
export async function buildModuleFile(path: string): Promise<Module> {
  const file = resolve(path)
  const exports = await importFile(file)
  // What is compiled to CommonJS, as in a package without "type": "module", has its own default in that of the namespace.
  const build = defaultOf(defaultOf(exports)) ?? defaultOf(exports)
  if (typeof build !== 'function') {
    throw failure(file, `Expected a default export that builds the module, found ${describe(build)}`)
  }
  let module: unknown
  try {
    module = await (isClass(build)
      ? (Reflect.construct(build, []) as unknown)
      : (Reflect.apply(build, undefined, []) as unknown))
  } catch (cause) {
    throw failure(file, `Its default export failed: ${reasonOf(cause)}`, cause)
  }
  if (module instanceof Module) return module as Module
  const hint = looksLikeModule(module) ? ', a Module of another copy of napi-torch' : ''
  throw failure(file, `Expected its default export to build a Module, received ${describe(module)}${hint}`)
}

function defaultOf(exports: unknown): unknown {
  return typeof exports === 'object' && exports !== null && 'default' in exports ? exports.default : undefined
}

async function importFile(file: string): Promise<unknown> {
  const url = pathToFileURL(file).href
  const isTypeScript = TYPESCRIPT.has(extname(file))
  // Asked first: a file that Node.js could not read as CommonJS cannot be read again in the same process.
  const first = isTypeScript && !readsTypeScript() ? await importTsx(file) : null
  try {
    return await importWith(first, url)
  } catch (cause) {
    const isUnread = isTypeScript && isError(cause) && 'code' in cause && UNREAD.has(String(cause.code))
    if (!isUnread) throw failure(file, `Cannot be loaded: ${reasonOf(cause)}`, cause)
    // Node.js only strips types; an enum, for example, is left for tsx.
    const tsx = first ?? (await importTsx(file))
    if (tsx === null) throw failure(file, `Node.js ${process.versions.node} does not read it: ${ADVICE}`, cause)
    // Under another address, as Node.js remembers that it could not read the one before.
    return await importWith(tsx, `${url}?typescript`).catch((error: unknown) => {
      throw failure(file, `Cannot be loaded: ${reasonOf(error)}`, error)
    })
  }
}

async function importWith(tsx: Tsx | null, url: string): Promise<unknown> {
  // Not its tsImport(), in which `napi-torch` would be another copy of this package, whose modules are not of these classes.
  const unregister = tsx?.register()
  try {
    return await import(url)
  } finally {
    await unregister?.()
  }
}

/** What Node.js says of TypeScript that it does not read. */
const UNREAD = new Set(['ERR_UNKNOWN_FILE_EXTENSION', 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'])
const ADVICE = 'run npm install tsx, or use Node.js 22.18 or newer'

/** Tells whether Node.js itself strips types. */
function readsTypeScript(): boolean {
  return 'typescript' in process.features && Boolean(process.features.typescript)
}

interface Tsx {
  readonly register: () => () => Promise<void>
}

/** Finds `tsx` beside the file, or where the process was started; null where it is not there, and perhaps another loader is. */
async function importTsx(file: string): Promise<Tsx | null> {
  for (const from of [file, join(process.cwd(), 'package.json')]) {
    try {
      // The ES module beside the CommonJS one that is found: that of tsx 4.23 looks for its loader in a wrong folder.
      const found = createRequire(from)
        .resolve('tsx/esm/api')
        .replace(/\.cjs$/, '.mjs')
      return (await import(pathToFileURL(found).href)) as Tsx
    } catch {
      // Not there.
    }
  }
  return null
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
}

function looksLikeModule(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'forward' in value && 'stateDict' in value
}

function reasonOf(cause: unknown): string {
  return isError(cause) ? cause.message : String(cause)
}

function failure(file: string, text: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_MODULE', `${shorten(file)}: ${text}`, { cause })
}
