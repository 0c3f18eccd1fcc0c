import assert from 'node:assert/strict'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { installAnotherCopy, installedPackage, runChild } from '../support/installed.js'

const PREAMBLE = `
  import { once } from 'node:events'
  import { setTimeout } from 'node:timers/promises'
  import { Worker } from 'node:worker_threads'

  // A worker that runs the text of a module.
  const start = (text) => new Worker("import { parentPort } from 'node:worker_threads';" + text, { eval: true })

  const CONVOLVE = \`
    const { functional, manualSeed, ones, scope, version } = await import('napi-torch')
    const convolve = () => scope(() => functional.conv2d(ones([1, 8, 32, 32]), ones([8, 8, 3, 3]), { padding: 1 }).sum().item())
  \`
  const BINDING = new URL('node_modules/napi-torch/dist/libtorch/binding.js', \`file://\${process.cwd()}/\`).href
`

function run(source: string): void {
  const { code, signal, stdout, stderr } = runChild(PREAMBLE + source)

  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: 'done\n' }, stderr)
}

describe('worker threads', () => {
  it('compute side by side: eight of them, the same results, nothing left alive', () => {
    run(`
      const workers = Array.from({ length: 8 }, () => start(CONVOLVE + \`
        const { memory } = await import('napi-torch')
        const sums = Array.from({ length: 50 }, convolve)
        parentPort.postMessage([new Set(sums).size, sums[0], memory().tensors])
      \`))
      const answers = await Promise.all(workers.map(async (worker) => {
        const exit = once(worker, 'exit')
        const [answer] = await once(worker, 'message')
        return JSON.stringify([...answer, ...(await exit)])
      }))
      // 94 x 94 places in the image below some place of the window, times 8 x 8 channels.
      console.log(new Set(answers).size === 1 && answers[0] === '[1,565504,0,0]' ? 'done' : answers)
    `)
  })

  it('may be terminated in the middle of work, again and again', () => {
    run(`
      const { ones } = await import('napi-torch')
      for (let round = 0; round < 6; round++) {
        const workers = Array.from({ length: 4 }, () => start(CONVOLVE + \`
          parentPort.postMessage('begun')
          for (;;) convolve()
        \`))
        await Promise.all(workers.map((worker) => once(worker, 'message')))
        await setTimeout(round * 7)
        await Promise.all(workers.map((worker) => worker.terminate()))
        if (ones([2]).add(1).select(0, 0).item() !== 2) throw new Error('The main thread computes wrong')
      }
      console.log('done')
    `)
  })

  it('may be terminated while they load the package', () => {
    run(`
      for (let delay = 0; delay < 400; delay += 40) {
        const worker = start(CONVOLVE + 'for (;;) convolve()')
        await setTimeout(delay)
        await worker.terminate()
      }
      console.log('done')
    `)
  })

  it('may be terminated while files are read', () => {
    run(`
      for (let round = 0; round < 8; round++) {
        const worker = start(\`
          const { native } = await import('\${BINDING}')
          for (let index = 0; index < 64; index++) {
            native.readStorages(process.execPath, [0], [2 ** 23]).then(([handle]) => native.dispose(handle))
            native.readStorages('/does/not/exist', [0], [1]).catch(() => 0)
          }
          parentPort.postMessage('begun')
          setInterval(() => 0, 1000)
        \`)
        await once(worker, 'message')
        await setTimeout(round)
        await worker.terminate()
      }
      console.log('done')
    `)
  })

  it('may end with tensors, shared arrays, generators and promises that were never disposed', () => {
    run(`
      for (let round = 0; round < 4; round++) {
        const worker = start(\`
          const { fromArray, Generator, rand, zeros } = await import('napi-torch')
          const { native } = await import('\${BINDING}')
          globalThis.held = Array.from({ length: 100 }, () => [
            zeros([100]),
            fromArray(new Float32Array(100), [100]).view([10, 10]),
            rand([3], { generator: new Generator({ seed: 1 }) }),
          ])
          native.readStorages(process.execPath, [0], [1000])
          \${round % 2 === 0 ? 'process.exit(5)' : ''}
        \`)
        const [code] = await once(worker, 'exit')
        if (code !== (round % 2 === 0 ? 5 : 0)) throw new Error(\`The worker ended with \${code}\`)
      }
      console.log('done')
    `)
  })

  it('may be the first to load the package, end, and be followed by others and by the main thread', () => {
    run(`
      for (let round = 0; round < 3; round++) {
        const worker = start(CONVOLVE + 'convolve()')
        const [code] = await once(worker, 'exit')
        if (code !== 0) throw new Error(\`The worker ended with \${code}\`)
      }
      const { ones } = await import('napi-torch')
      if (ones([2]).sum().item() !== 2) throw new Error('The main thread computes wrong')
      const [code] = await once(start(CONVOLVE + 'convolve()'), 'exit')
      console.log(code === 0 ? 'done' : code)
    `)
  })

  it('report errors of their own: an uncaught one ends the worker alone', () => {
    run(`
      const worker = start(CONVOLVE + 'ones([2]).view([5])')
      const [error] = await once(worker, 'error')
      console.log(error.code === 'TORCH_OPERATOR' && error.message.startsWith("shape '[5]'") ? 'done' : error)
    `)
  })
})

describe('process.exit()', () => {
  /** The child is to end with the code 7, whatever goes on in it. */
  function exits(source: string): void {
    for (const delay of [0, 5, 30]) {
      const { code, signal, stderr } = runChild(`${PREAMBLE}
        const delay = ${delay}
        ${source}`)

      assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' }, `after ${delay} ms`)
    }
  }

  it('ends the process cleanly while workers compute', () => {
    exits(`
      const workers = Array.from({ length: 4 }, () => start(CONVOLVE + \`
        parentPort.postMessage('begun')
        for (;;) convolve()
      \`))
      await Promise.all(workers.map((worker) => once(worker, 'message')))
      await setTimeout(delay)
      process.exit(7)
    `)
  })

  it('ends the process cleanly while files are read', () => {
    exits(`
      const { native } = await import(BINDING)
      for (let index = 0; index < 64; index++) native.readStorages(process.execPath, [0], [2 ** 23])
      await setTimeout(delay)
      process.exit(7)
    `)
  })

  it('ends the process cleanly while a worker reads files', () => {
    exits(`
      const worker = start(\`
        const { native } = await import('\${BINDING}')
        for (let index = 0; index < 64; index++) native.readStorages(process.execPath, [0], [2 ** 23])
        parentPort.postMessage('begun')
      \`)
      await once(worker, 'message')
      await setTimeout(delay)
      process.exit(7)
    `)
  })

  it('ends the process cleanly with live tensors of every kind', () => {
    exits(`
      const { fromArray, Generator, rand, scope, zeros } = await import('napi-torch')
      globalThis.held = [zeros([10]), fromArray(new Float32Array(10), [10]), rand([2], { generator: new Generator() })]
      scope(() => scope(() => { zeros([1]); process.exit(7) }))
    `)
  })

  it('ends the process cleanly from within a worker that was loaded first', () => {
    exits(`
      const worker = start(CONVOLVE + \`convolve(); parentPort.postMessage('begun'); for (;;) convolve()\`)
      await once(worker, 'message')
      process.exit(7)
    `)
  })
})

describe('two copies of the package', () => {
  const second = installAnotherCopy()
  const other = join(installedPackage(), 'node_modules', 'other-torch')
  before(() => cpSync(join(second, 'node_modules', 'napi-torch'), other, { recursive: true, verbatimSymlinks: true }))

  it('live in one process, each with its tensors, and end cleanly', () => {
    run(`
      const one = await import('napi-torch')
      const two = await import('./node_modules/other-torch/dist/index.js')
      const { native } = await import(BINDING)
      const { native: otherNative } = await import('./node_modules/other-torch/dist/libtorch/binding.js')
      const assert = (await import('node:assert/strict')).default

      assert.notEqual(one.Tensor, two.Tensor)
      const [a, b] = [one.ones([2]), two.ones([2])]
      assert.deepEqual([one.memory().tensors, two.memory().tensors], [1, 1])
      assert.deepEqual([a.add(1).tolist(), b.add(1).tolist()], [[2, 2], [2, 2]])

      // Neither takes the tensors of the other, which may be of another version, for its own.
      const refused = { code: 'TORCH_INVALID_ARGUMENT', message: 'Expected a tensor for other, received float32 (2,)' }
      assert.throws(() => a.equal(b), refused)
      assert.throws(() => b.equal(a), refused)
      const handle = native.zeros([1], 'float32', 'cpu')
      assert.throws(() => otherNative.shape(handle), { code: 'TORCH_INVALID_ARGUMENT', message: 'Expected a tensor for tensor' })
      const generator = native.createGenerator('cpu', null)
      assert.throws(() => otherNative.rand([1], 'float32', 'cpu', generator), { message: 'Expected a generator for generator' })

      // Errors of one are errors of the other to instanceof.
      try { a.view([5]) } catch (error) { assert.ok(error instanceof one.TorchError && error instanceof two.TorchError) }

      // A scope belongs to its copy.
      const kept = one.scope(() => [two.zeros([1]), one.zeros([1])])
      assert.deepEqual(kept.map(({ isDisposed }) => isDisposed), [false, false])
      console.log('done')
    `)
  })

  it('live in workers, in either order', () => {
    run(`
      const other = new URL('node_modules/other-torch/dist/index.js', \`file://\${process.cwd()}/\`).href
      const text = \`{ const { ones } = await import('\${other}'); for (let i = 0; i < 100; i++) ones([10, 10]).matmul(ones([10, 10])) }\`
      const codes = []
      for (const body of [text, CONVOLVE + 'convolve()', text + ';' + CONVOLVE + 'convolve()']) {
        codes.push(...(await once(start(body), 'exit')))
      }
      const both = [start(text), start(CONVOLVE + 'convolve()')].map((worker) => once(worker, 'exit'))
      codes.push(...(await Promise.all(both)).flat())
      console.log(codes.every((code) => code === 0) ? 'done' : codes)
    `)
  })

  it('work where one addon is loaded by hand a second time', () => {
    const folder = join(installedPackage(), 'by-hand')
    mkdirSync(folder, { recursive: true })
    cpSync(join(installedPackage(), 'node_modules/napi-torch/build/Release/napi_torch.node'), join(folder, 'copy.node'))
    writeFileSync(join(folder, 'package.json'), '{}')

    run(`
      const { createRequire } = await import('node:module')
      const require = createRequire(\`file://\${process.cwd()}/\`)
      const { ones, TorchError } = await import('napi-torch')
      // Opens libtorch, without which no addon can be opened.
      const made = ones([2])
      const same = require('./node_modules/napi-torch/build/Release/napi_torch.node')
      const copy = require('./by-hand/copy.node')
      copy.initialize(TorchError)
      for (const addon of [same, copy]) {
        const handle = addon.zeros([3], 'float32', 'cpu')
        if (addon.shape(handle)[0] !== 3) throw new Error('A wrong shape')
        addon.dispose(handle)
      }
      console.log(made.sum().item() === 2 ? 'done' : 'wrong')
    `)
  })
})
