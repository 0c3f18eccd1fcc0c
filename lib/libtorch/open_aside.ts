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
  const compiler = LIBTORCH.endsWith('.ts') ? import.meta.resolve('tsx/esm/api') : null
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
