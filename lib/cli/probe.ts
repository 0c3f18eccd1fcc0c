// Run by `napi-torch doctor` in a process of its own: a library that the processor or the system cannot run may end the
// process that opens it, and that is a thing to report.
import { createRequire } from 'node:module'

import { openLibtorch, type LibtorchLocation } from '../libtorch/libtorch.js'
import { PACKAGE_ROOT } from '../util/package.js'
import { codeOf, messageOf } from './report.js'

/** What the addon tells about itself. */
export interface AddonFacts {
  readonly path: string
  readonly cpuCapability: string
  readonly threads: number
  readonly cudaDevices: number
  /** Why there is none. */
  readonly cudaUnavailable: string | null
}

/** What opening each part gave. */
export interface Opened {
  readonly images: { readonly version: string }
  readonly libtorch: LibtorchLocation
  readonly addon: AddonFacts
}

/** Why a part could not be opened. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/** What the probe sends, once for each part that it came to. */
export type Finding = {
  [P in keyof Opened]: { readonly part: P; readonly opened: Opened[P] | null; readonly refusal: Refusal | null }
}[keyof Opened]

async function openImages(): Promise<Opened['images']> {
  const { default: sharp } = await import('sharp')
  return { version: sharp.versions.sharp ?? 'of unknown version' }
}

async function openAddon(): Promise<AddonFacts> {
  const { getNumThreads, version } = await import('../tensor/runtime.js')
  const { deviceCount, unavailableReason } = await import('../tensor/cuda.js')
  const addons = createRequire(import.meta.url)('node-gyp-build') as { path(folder: string): string }
  return {
    path: addons.path(PACKAGE_ROOT),
    cpuCapability: version().cpuCapability,
    threads: getNumThreads(),
    cudaDevices: deviceCount(),
    cudaUnavailable: unavailableReason(),
  }
}

/** Opens a part and tells the parent at once: the next one may end this process. */
async function probe<P extends keyof Opened>(part: P, open: () => Opened[P] | Promise<Opened[P]>): Promise<boolean> {
  try {
    await send({ part, opened: await open(), refusal: null })
    return true
  } catch (error) {
    await send({ part, opened: null, refusal: { code: codeOf(error), message: messageOf(error) } })
    return false
  }
}

function send(finding: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(finding, undefined, undefined, (error) => (error === null ? resolve() : reject(error)))
  })
}

await probe('images', openImages)
// The addon cannot be opened without what it is linked to.
if (await probe('libtorch', openLibtorch)) await probe('addon', openAddon)
process.disconnect()
