import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { OpenOptions } from './workers/runner.js'
import { imagesOf, type Workload } from './workloads.js'

/** A Python with torch, which makes the networks; also onnx, for onnxruntime's. */
export const PYTHON = process.env['NAPI_TORCH_TEST_PYTHON']

/** Files that a workload is run with, and the logits that are right. */
export interface Prepared {
  readonly files: OpenOptions['files']
  /** (images, classes) */
  readonly reference: Float64Array
  /** Why there is no network for onnxruntime, or null. */
  readonly onnxFailure: string | null
}

const CACHE = fileURLToPath(new URL('../.cache/engine/', import.meta.url))
const RIVAL_PACKAGE = fileURLToPath(new URL('onnxruntime/', import.meta.url))

const prepared = new Map<Workload['model'], Prepared & { readonly images: number }>()

/** Makes the files of a workload, or takes those of an earlier run. */
export function prepare(workload: Workload): Prepared {
  const images = imagesOf(workload)
  const known = prepared.get(workload.model)
  if (known !== undefined && known.images >= images) return known
  const made = { images, ...make(workload, images) }
  prepared.set(workload.model, made)
  return made
}

function make(workload: Workload, images: number): Prepared {
  const folder = join(CACHE, workload.model)
  mkdirSync(folder, { recursive: true })
  const at = (name: string): string => join(folder, name)
  const files = { weights: at('weights.pth'), inputs: at('inputs.bin'), onnx: at('model.onnx') }

  const needed = { images, scripts: scriptsText() }
  const made = existsSync(at('made.json')) ? (JSON.parse(readFileSync(at('made.json'), 'utf8')) as typeof needed) : null
  let onnxFailure: string | null = null
  if (made === null || made.images < needed.images || made.scripts !== needed.scripts || !existsSync(files.onnx)) {
    python('make_model.py', workload.model, folder, String(needed.images))
    onnxFailure = failureOf(() => python('export_onnx.py', workload.model, folder))
    writeFileSync(at('made.json'), JSON.stringify(needed))
  }
  const bytes = readFileSync(at('reference.bin'))
  const reference = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  return { files, reference, onnxFailure }
}

/** Installs onnxruntime-node beside the benchmark if it is not there; gives why it is not, or null. */
export function installRival(): string | null {
  const require = createRequire(join(RIVAL_PACKAGE, 'package.json'))
  try {
    require.resolve('onnxruntime-node')
    return null
  } catch {
    console.log('Installing onnxruntime-node beside the benchmark …')
    // Its script would fetch CUDA libraries; those for the CPU are in the package.
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
    return failureOf(() => execFileSync('npm', args, { cwd: RIVAL_PACKAGE, encoding: 'utf8', stdio: 'pipe' }))
  }
}

function python(script: string, ...args: readonly string[]): string {
  if (PYTHON === undefined) throw new Error('NAPI_TORCH_TEST_PYTHON names no Python with torch: nothing can be made')
  const path = fileURLToPath(new URL(`python/${script}`, import.meta.url))
  return execFileSync(PYTHON, [path, ...args], { encoding: 'utf8', stdio: 'pipe' })
}

/** What is made changes with these. */
function scriptsText(): string {
  return ['make_model.py', 'export_onnx.py', 'networks.py']
    .map((name) => readFileSync(new URL(`python/${name}`, import.meta.url), 'utf8'))
    .join('')
}

function failureOf(body: () => unknown): string | null {
  try {
    body()
    return null
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string }
    return [message, ...stderr.trim().split('\n')].filter((line) => line !== '').at(-1) ?? message
  }
}
