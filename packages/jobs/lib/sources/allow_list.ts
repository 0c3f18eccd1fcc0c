import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'
import { TorchError } from 'napi-torch'
import { expected, reasonOf } from 'napi-torch/internal'

/** The folders and addresses from which images may come. Nothing else is opened or fetched, whatever a list says. */
export class AllowList {
  /** As they were given, absolute. */
  readonly roots: readonly string[]
  readonly urlPrefixes: readonly string[]
  /** Where the folders really lie. */
  readonly #real: readonly string[]
  readonly #prefixes: readonly URL[]

  /**
   * @throws {TorchError} `TORCH_SOURCE_UNAVAILABLE` if a folder cannot be found; `TORCH_INVALID_ARGUMENT` for what is no
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

  /** Tells whether a path, by its text alone, lies in an allowed folder. Links may lead elsewhere. */
  names(path: string): boolean {
    return this.roots.some((root) => isBelow(root, path)) || this.holds(path)
  }

  /** Tells whether a path without links lies in an allowed folder. */
  holds(realPath: string): boolean {
    return this.#real.some((root) => isBelow(root, realPath))
  }

  /**
   * Tells whether an address may be fetched: it has the same scheme, host and port as an allowed one, no user and password,
   * and its path begins with that of the allowed one, up to a slash.
   */
  allows(url: URL): boolean {
    if (url.username !== '' || url.password !== '') return false
    return this.#prefixes.some(({ origin, pathname }) => {
      const folder = pathname.endsWith('/') ? pathname : `${pathname}/`
      return url.origin === origin && (url.pathname === pathname || url.pathname.startsWith(folder))
    })
  }
}

/** Tells an address from a path. */
export function isAddress(item: string): boolean {
  return /^https?:\/\//i.test(item)
}

function parseAddress(name: string, text: string): URL {
  const url = isAddress(text) && URL.canParse(text) ? new URL(text) : null
  if (url === null || `${url.username}${url.password}${url.search}${url.hash}` !== '') {
    throw expected('the beginning of an address, such as https://images.example.com/archive/,', name, text)
  }
  return url
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '' || (!isAbsolute(way) && !/^\.\.(?:$|[/\\])/.test(way))
}

async function realFolder(folder: string): Promise<string> {
  return realpath(folder).catch((cause: unknown) => {
    const reason = reasonOf(cause).replace('No such file', 'No such folder')
    throw new TorchError('TORCH_SOURCE_UNAVAILABLE', `${folder}: ${reason}`, { cause })
  })
}
