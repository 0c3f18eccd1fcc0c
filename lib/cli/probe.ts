// Run by `napi-torch doctor` in a process of its own: a library that the CPU or the system cannot run may end the process
// that opens it, which the doctor then reports.
import { createRequire } from 'node:module'

import { openLibtorch, type LibtorchLocation } from '../libtorch/libtorch.js'
import { PACKAGE_ROOT } from '../util/package.js'
import { codeOf, messageOf } from './output/errors.js'

/** What the addon says about itself. */
export interface AddonFacts {
  readonly path: string
  readonly cpuCapability: string
  readonly threads: number
  readonly cudaDevices: number
  /** Why there are no CUDA devices; null where there are some. */
  readonly cudaUnavailable: string | null
}

/** What each part says when it is open. */
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

/** What the probe sends, once for each part that it reaches. */
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

/** Opens a part and reports to the parent at once, as the next part may end this process. */
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
// The addon cannot be opened without the libraries that it is linked to.
if (await probe('libtorch', openLibtorch)) await probe('addon', openAddon)
process.disconnect()
