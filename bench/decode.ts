/**
 * Measures what decoding costs beside time: for each image of 12 megapixels, and each file that only claims to be large, the
 * longest pause of the event loop and the peak of memory above the start, each in a process of its own. The figures of
 * docs/images.md come from here.
 *
 * npm run bench:decode -- [--folder /tmp/images]
 *
 * `NAPI_TORCH_TEST_PYTHON` names a Python with Pillow and numpy, which makes the images.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { decodeImage } from 'napi-torch/vision'

const SCRIPT = fileURLToPath(import.meta.url)
const FILES = fileURLToPath(new URL('decode/files.py', import.meta.url))
const WARM_UP = fileURLToPath(new URL('../test/fixtures/vision/', import.meta.url))

interface Measured {
  readonly outcome: string
  readonly milliseconds: number
  readonly pause: number
  /** MiB above the start. */
  readonly memory: number
}

/** Decodes one file in this process. */
async function measure(path: string): Promise<Measured> {
  // What is loaded and allocated once.
  for (const name of ['420.jpg', 'rgb.png', 'lossy.webp', 'palette.gif', 'cmyk.jpg', '420.avif']) {
    await decodeImage(join(WARM_UP, name))
  }
  const bytes = readFileSync(path)
  await setTimeout(200)
  const before = process.memoryUsage().rss
  writeFileSync('/proc/self/clear_refs', '5') // The peak begins anew.

  let last = performance.now()
  let pause = 0
  const look = (): void => {
    const now = performance.now()
    pause = Math.max(pause, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  const start = performance.now()
  const outcome = await decodeImage(bytes).then(
    ({ width, height }) => `${width} × ${height}`,
    (error: unknown) => `refused: ${error instanceof Error ? error.message.slice(0, 90) : String(error)}`,
  )
  look()
  clearInterval(timer)
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
  const memory = Math.max(0, peak - before) / 2 ** 20
  return { outcome, milliseconds: performance.now() - start, pause, memory }
}

function main(): void {
  const { values } = parseArgs({ options: { folder: { type: 'string' } } })
  const python = process.env['NAPI_TORCH_TEST_PYTHON']
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'napi-torch-decode-'))
  if (!existsSync(join(folder, 'photo.jpg'))) {
    if (python === undefined) throw new Error('Set NAPI_TORCH_TEST_PYTHON to a Python with Pillow and numpy')
    mkdirSync(folder, { recursive: true })
    execFileSync(python, [FILES, folder], { stdio: 'inherit' })
  }
  console.log('file                               ms   pause (ms)   memory (MiB)   outcome')
  for (const name of readdirSync(folder).sort()) {
    const options = [...process.execArgv, SCRIPT, '--child', join(folder, name)]
    const line = execFileSync(process.execPath, options, { encoding: 'utf8' })
    const { outcome, milliseconds, pause, memory } = JSON.parse(line) as Measured
    const figures = [milliseconds.toFixed(0).padStart(6), pause.toFixed(1).padStart(12), memory.toFixed(0).padStart(14)]
    console.log(`${name.padEnd(31)}${figures.join(' ')}   ${outcome}`)
  }
}

if (process.argv[2] === '--child') console.log(JSON.stringify(await measure(process.argv[3] ?? '')))
else main()
