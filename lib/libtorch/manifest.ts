import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Written beside each libtorch of the cache, and of the npm platform packages, when it is complete. */
export const MANIFEST = 'napi-torch.json'

/** One file of a {@link LibtorchManifest}. */
export interface ManifestFile {
  readonly bytes: number
  /** In hexadecimal. */
  readonly sha256: string
}

/** What a complete libtorch consists of. */
export interface LibtorchManifest {
  readonly version: string
  readonly flavor: string
  /** Where it came from. */
  readonly origin: string
  /** By path below the folder of the manifest, with forward slashes. Of an older installation: empty. */
  readonly files: Readonly<Record<string, ManifestFile>>
}

/** Reads the manifest beside the libtorch in `folder`, such as `…/libtorch-2.13.0-cpu/torch`; gives null where there is none. */
export function readManifest(folder: string): LibtorchManifest | null {
  try {
    const manifest = JSON.parse(readFileSync(join(dirname(folder), MANIFEST), 'utf8')) as Partial<LibtorchManifest>
    const { version = '', flavor = '', origin = '', files = {} } = manifest
    return { version, flavor, origin, files }
  } catch {
    return null
  }
}

/**
 * Says what is missing of the libtorch in `folder` by the sizes of its files, or gives null: that costs a system call a
 * library, and finds what a full disk, a killed copy or a careless hand leaves behind.
 */
export function faultOfSizes(folder: string): string | null {
  const root = dirname(folder)
  for (const [name, { bytes }] of Object.entries(readManifest(folder)?.files ?? {})) {
    if (!isLibrary(name)) continue
    const size = sizeOf(join(root, name))
    if (size === null) return `is incomplete: ${name} is missing`
    if (size !== bytes) return `is damaged: ${name} has ${size} bytes instead of ${bytes}`
  }
  return null
}

/**
 * Says what is wrong with the contents of a folder of {@link describeFiles}, or gives null: compares every file with its
 * SHA-256, which takes a second or two.
 */
export async function faultOfContents(folder: string): Promise<string | null> {
  const root = dirname(folder)
  for (const [name, { bytes, sha256 }] of Object.entries(readManifest(folder)?.files ?? {})) {
    const path = join(root, name)
    const size = sizeOf(path)
    if (size === null) return `is incomplete: ${name} is missing`
    if (size !== bytes) return `is damaged: ${name} has ${size} bytes instead of ${bytes}`
    if ((await sha256Of(path)) !== sha256) return `is damaged: ${name} has another SHA-256 than when it was installed`
  }
  return null
}

/** Describes all files below `root` but the manifest itself. */
export async function describeFiles(root: string): Promise<Record<string, ManifestFile>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
  const files: Record<string, ManifestFile> = {}
  for (const name of names.sort()) {
    if (name === MANIFEST) continue
    const path = join(root, name)
    files[name] = { bytes: (await stat(path)).size, sha256: await sha256Of(path) }
  }
  return files
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  return hash.digest('hex')
}

/** Of the thousands of headers, none is needed to run. */
function isLibrary(name: string): boolean {
  return !name.startsWith('torch/include/')
}

function sizeOf(path: string): number | null {
  try {
    return statSync(path).size
  } catch {
    return null
  }
}
