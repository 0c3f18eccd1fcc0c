import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'
import { TorchError } from 'napi-torch'
import { expected, reasonOf } from 'napi-torch/internal'

/** The folders and addresses from which images may be read. Nothing else is opened or fetched, whatever a list contains. */
export class AllowList {
  /** The allowed folders as they were given, absolute. */
  readonly roots: readonly string[]
  readonly urlPrefixes: readonly string[]
  /** The allowed folders with links resolved. */
  readonly #real: readonly string[]
  readonly #prefixes: readonly URL[]

  /**
   * Resolves the folders and parses the addresses.
   *
   * @throws {TorchError} `TORCH_SOURCE_UNAVAILABLE` if a folder cannot be found; `TORCH_INVALID_ARGUMENT` if a prefix is not an
   * address of HTTP.
   */
  static async open(roots: readonly string[], urlPrefixes: readonly string[]): Promise<AllowList> {
    const absolute = roots.map((root) => resolve(root))
    const real = await Promise.all(absolute.map(realFolder))
    return new AllowList(absolute, real, urlPrefixes)
  }

  private constructor(roots: readonly string[], real: readonly string[], urlPrefixes: readonly string[]) {
    this.roots = roots
    this.urlPrefixes = urlPrefixes
    this.#real = real
    this.#prefixes = urlPrefixes.map((text) => parseAddress('allowUrlPrefix', text))
  }

  /** Tells whether the text of a path lies in an allowed folder. Its links may lead elsewhere. */
  names(path: string): boolean {
    return this.roots.some((root) => isBelow(root, path)) || this.holds(path)
  }

  /** Tells whether a path whose links have been resolved lies in an allowed folder. */
  holds(realPath: string): boolean {
    return this.#real.some((root) => isBelow(root, realPath))
  }

  /**
   * Tells whether an address may be fetched: its scheme, host and port equal those of an allowed prefix, it has no user name or
   * password, and its path starts with that of the prefix, up to a slash.
   */
  allows(url: URL): boolean {
    if (url.username !== '' || url.password !== '') return false
    return this.#prefixes.some(({ origin, pathname }) => {
      const folder = pathname.endsWith('/') ? pathname : `${pathname}/`
      return url.origin === origin && (url.pathname === pathname || url.pathname.startsWith(folder))
    })
  }
}

/** Tells whether an item of a list is an address and not a path. */
export function isAddress(item: string): boolean {
  return /^https?:\/\//i.test(item)
}

function parseAddress(name: string, text: string): URL {
  const url = isAddress(text) && URL.canParse(text) ? new URL(text) : null
  if (url === null || `${url.username}${url.password}${url.search}${url.hash}` !== '') {
    throw expected('the prefix of an address, such as https://images.example.com/archive/,', name, text)
  }
  return url
}

function isBelow(root: string, path: string): boolean {
  const below = relative(root, path)
  return below === '' || (!isAbsolute(below) && !/^\.\.(?:$|[/\\])/.test(below))
}

async function realFolder(folder: string): Promise<string> {
  return realpath(folder).catch((cause: unknown) => {
    throw new TorchError('TORCH_SOURCE_UNAVAILABLE', `${folder}: ${reasonOf(cause, 'folder')}`, { cause })
  })
}
