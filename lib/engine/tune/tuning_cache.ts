import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'

import { native } from '../../libtorch/binding.js'
import { cacheFolder } from '../../util/environment.js'
import { packageFacts } from '../../util/package.js'

/** Guards against a file that is not ours, or was made to fill memory. */
const MAX_BYTES = 2 ** 20
/** Of the newest measurements, which are kept: far below {@link MAX_BYTES}. */
const MAX_ENTRIES = 4096
/** To be raised when kernels change without a new version of the package. */
const REVISION = 2

/**
 * Reads what earlier processes have measured with that many threads on this kind of CPU, with this libtorch and this
 * package: a file `autotune/….json` in the package's cache folder. A file with any fault counts as empty.
 */
export async function readTuningCache(threads: number): Promise<Map<string, string>> {
  const cached = cacheFileOf(threads)
  if (cached === null) return new Map()
  const { path, facts } = cached
  try {
    const file = await stat(path)
    if (!file.isFile() || file.size > MAX_BYTES) return new Map()
    return parse(await readFile(path, 'utf8'), facts)
  } catch {
    // Not there, or not to be read: what it would save is measured again.
    return new Map()
  }
}

/** Adds to what {@link readTuningCache} reads, as a whole or not at all. A folder that cannot be written is no failure. */
export async function addToTuningCache(threads: number, found: ReadonlyMap<string, string>): Promise<void> {
  const cached = cacheFileOf(threads)
  if (cached === null) return
  const { folder, path, facts } = cached
  // What others have added meanwhile stays; two that write at once lose nothing that cannot be measured again.
  const entries = [...new Map([...(await readTuningCache(threads)), ...found])].slice(-MAX_ENTRIES)
  const text = `${JSON.stringify({ ...facts, choices: Object.fromEntries(entries) }, null, 1)}\n`
  const temporary = join(folder, `.${randomUUID()}.tmp`)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(temporary, text, { flag: 'wx' })
    await rename(temporary, path)
  } catch {
    // A cache in a folder that is full or not ours is none; the next process measures again.
    await rm(temporary, { force: true }).catch(() => undefined)
  }
}

/** All that measurements depend on. */
type MeasurementFacts = Readonly<Record<string, string | number>>

interface CacheFile {
  readonly folder: string
  readonly path: string
  readonly facts: MeasurementFacts
}

function cacheFileOf(threads: number): CacheFile | null {
  const cache = cacheFolder()
  if (cache === null) return null
  const facts = {
    cpu: cpus()[0]?.model ?? process.arch,
    libtorch: native.version().libtorch,
    package: packageFacts().version,
    revision: REVISION,
    threads,
  }
  const name = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16)
  const folder = join(cache, 'autotune')
  return { folder, path: join(folder, `${name}.json`), facts }
}

function parse(text: string, facts: MeasurementFacts): Map<string, string> {
  const { choices, ...others } = JSON.parse(text) as { choices?: unknown }
  if (JSON.stringify(others) !== JSON.stringify(facts) || typeof choices !== 'object' || choices === null)
    return new Map()
  const entries: [string, unknown][] = Object.entries(choices)
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
