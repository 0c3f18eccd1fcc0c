import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { libtorchUrl } from '../util/environment.js'
import { reasonOf } from '../util/errno.js'
import { LIBTORCH_MINOR } from '../libtorch/libtorch.js'
import { checkSha256, downloadResumable } from './download.js'
import { installError } from './failure.js'
import { pipDownload } from './pip.js'
import type { Reporter } from './progress.js'
import { readText } from './unpack.js'

/** The release of libtorch that the installer fetches. */
export const LIBTORCH_VERSION = `${LIBTORCH_MINOR}.0`

/** The flavors of libtorch that the installer can fetch: without CUDA, and with CUDA 13.0. */
export const FLAVORS = ['cpu', 'cu130'] as const

/** A flavor of {@link FLAVORS}. */
export type Flavor = (typeof FLAVORS)[number]

/** What was fetched, and from where. */
export interface Fetched {
  /** Wheels: the one of torch, for CUDA with those of NVIDIA's libraries. */
  readonly archives: readonly string[]
  readonly origin: string
}

/** The wheels of PyTorch; a wheel is a zip archive, and holds all of libtorch. */
const PYTORCH = 'https://download.pytorch.org/whl'

/** From the index of PYTORCH/cpu. The Python version in the name matters to Python only. */
export const CPU_WHEEL = {
  file: `torch-${LIBTORCH_VERSION}+cpu-cp311-cp311-manylinux_2_28_x86_64.whl`,
  size: 191_794_682,
  sha256: '6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b',
} as const

/**
 * Fetches the official wheels of a flavor into `folder`. Each way is tried once and gives up soon.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL` with the reason of each way, or where there is none for this platform.
 */
export async function fetchOfficial(flavor: Flavor, folder: string, reporter: Reporter): Promise<Fetched> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw installError(
      `Cannot fetch libtorch for ${process.platform}-${process.arch}, only for linux-x64; ` +
        `a Python torch is found by itself: python3 -m pip install torch==${LIBTORCH_VERSION}`,
    )
  }
  return flavor === 'cpu' ? fetchCpu(folder, reporter) : fetchCuda(flavor, folder, reporter)
}

async function fetchCpu(folder: string, reporter: Reporter): Promise<Fetched> {
  const named = libtorchUrl()
  // What the user names is not replaced by something else, and must be the same file.
  if (named !== undefined) return firstThatWorks(folder, 'cpu', reporter, [wheelAt(addressOfWheel(named), reporter)])
  const requirement = `torch==${LIBTORCH_VERSION}+cpu`
  return firstThatWorks(folder, 'cpu', reporter, [
    wheelAt(addressOfWheel(`${PYTORCH}/cpu/`), reporter),
    {
      name: `pip download ${requirement}`,
      fetch: async (target) => {
        const request = {
          requirements: [requirement],
          dependencies: false,
          index: `${PYTORCH}/cpu`,
          size: CPU_WHEEL.size,
        }
        const [path] = await pipDownload(request, target, reporter)
        if (path === undefined) throw installError('pip fetched nothing')
        await checkSha256(path, CPU_WHEEL.sha256)
        return [path]
      },
    },
  ])
}

/** Of a folder, the address of the wheel in it. */
function addressOfWheel(base: string): string {
  return base.endsWith('/') ? `${base}${encodeURIComponent(CPU_WHEEL.file)}` : base
}

function wheelAt(url: string, reporter: Reporter): Way {
  return {
    name: url,
    fetch: async (target) => {
      const path = join(target, CPU_WHEEL.file)
      const { resumed } = await downloadResumable(url, path, reporter)
      try {
        await checkSha256(path, CPU_WHEEL.sha256)
      } catch (error) {
        if (!resumed) throw error
        // What was there from an earlier attempt may have been of another file.
        reporter.onStep?.('What was fetched before does not fit: fetching all of it again')
        await rm(path)
        await downloadResumable(url, path, reporter)
        await checkSha256(path, CPU_WHEEL.sha256)
      }
      return [path]
    },
  }
}

/** The CUDA wheel needs NVIDIA's; which, its metadata tell. Python's own dependencies (triton, sympy) stay behind. */
async function fetchCuda(flavor: Flavor, folder: string, reporter: Reporter): Promise<Fetched> {
  const index = `${PYTORCH}/${flavor}`
  // The index of PyTorch marks the flavor in the version; the one of Python's community holds one flavor, unmarked.
  // With === pip takes the unmarked version only: == would take 2.13.0+cpu as well.
  const ways = [`torch==${LIBTORCH_VERSION}+${flavor}`, `torch===${LIBTORCH_VERSION}`].map((requirement) => ({
    name: `pip download ${requirement}`,
    fetch: async (target: string) => {
      const torch = { requirements: [requirement], dependencies: false, index, size: null }
      const [wheel] = await pipDownload(torch, target, reporter)
      if (wheel === undefined) throw installError('pip fetched nothing')
      const libraries = nvidiaRequirements((await readText(wheel, /^torch-[^/]*\.dist-info\/METADATA$/)) ?? '')
      if (libraries.length === 0) throw installError(`${requirement} is not a wheel for CUDA`)
      reporter.onStep?.("Fetching NVIDIA's libraries (about 2 GB) with pip")
      const others = { requirements: libraries, dependencies: true, index, size: null }
      const wheels = await pipDownload(others, join(target, 'nvidia'), reporter)
      // cuda-toolkit itself is only a list of them.
      return [wheel, ...wheels.filter((path) => basename(path).startsWith('nvidia_'))]
    },
  }))
  return firstThatWorks(folder, flavor, reporter, ways)
}

/** `Requires-Dist: nvidia-nccl-cu13==2.30.7; platform_system == "Linux"` without the condition, which is met here. */
function nvidiaRequirements(metadata: string): string[] {
  const required = [...metadata.matchAll(/^Requires-Dist: ((?:nvidia-|cuda-toolkit)[^;\r\n]*)(;[^\r\n]*)?$/gm)]
  return required.filter(([, , condition = '']) => !condition.includes('extra ==')).map(([, name = '']) => name.trim())
}

interface Way {
  readonly name: string
  fetch(target: string): Promise<string[]>
}

async function firstThatWorks(
  folder: string,
  flavor: Flavor,
  reporter: Reporter,
  ways: readonly Way[],
): Promise<Fetched> {
  const failures: string[] = []
  for (const [number, way] of ways.entries()) {
    reporter.onStep?.(`Fetching libtorch ${LIBTORCH_VERSION} (${flavor}): ${way.name}`)
    const target = join(folder, `way-${number}`)
    await mkdir(target, { recursive: true })
    try {
      return { archives: await way.fetch(target), origin: way.name }
    } catch (error) {
      reporter.signal?.throwIfAborted()
      failures.push(reasonOf(error))
      reporter.onStep?.(`That did not work: ${reasonOf(error)}`)
    }
  }
  throw installError(
    `Cannot fetch libtorch ${LIBTORCH_VERSION} (${flavor})\n${failures.map((failure) => `  ${failure}`).join('\n')}\n` +
      'Fetch the wheel on another machine, then run this: npx napi-torch install-libtorch --from FILE',
  )
}

/** Keeps an archive in `folder` after the installation. */
export async function keepArchive(archive: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, basename(archive))
  await rename(archive, path)
  return path
}
