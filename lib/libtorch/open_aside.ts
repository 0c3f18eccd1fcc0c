import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'

import { currentLibtorch } from './libtorch.js'

/** The module that the thread runs. Tests and benchmarks run the sources, which tsx compiles for it. */
const LIBTORCH = import.meta.url.replace(/open_aside(\.\w+)$/, 'libtorch$1')

/**
 * Opens libtorch on a thread of its own, which takes some 300 ms: on the main thread nothing else would go on meanwhile. Libraries are
 * open for the whole process, so that its first use finds them. Never rejects: what fails here fails there again, and says why.
 */
export async function openLibtorchAside(): Promise<void> {
  if (currentLibtorch() !== null) return
  const compiler = LIBTORCH.endsWith('.ts') ? compilerOf(import.meta.url) : null
  const program = `(async () => {
    ${compiler === null ? '' : `(await import(${JSON.stringify(compiler)})).register()`}
    const { openLibtorch } = await import(${JSON.stringify(LIBTORCH)})
    openLibtorch()
  })()`
  try {
    const worker = new Worker(program, { eval: true, name: 'libtorch' })
    await new Promise((resolve) => worker.once('error', resolve).once('exit', resolve))
  } catch {
    // Node's permission model may not allow threads.
  }
}

/** The ES module that compiles the sources which a thread imports; `import.meta.resolve` is not there where tsx has compiled this file. */
function compilerOf(source: string): string {
  return createRequire(source)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs')
}
