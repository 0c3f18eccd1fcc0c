import assert from 'node:assert/strict'

import { runChild } from '../../support/installed.js'
import { skip } from '../../support/skip.js'

const PREAMBLE = `
  import { once } from 'node:events'
  import { setTimeout } from 'node:timers/promises'
  import { Worker } from 'node:worker_threads'

  const start = (text) => new Worker("import { parentPort } from 'node:worker_threads';" + text, { eval: true })

  const ENGINE = \`
    const { compile, init, memory, resnet18Cifar } = await import('napi-torch')
    const make = async (options) => {
      const model = resnet18Cifar({ numClasses: 10 }).eval()
      // Not drawn: all threads draw from one generator.
      for (const parameter of model.parameters()) init.constant_(parameter, 0.01)
      const engine = await compile(model, { input: [3, 32, 32], maxBatchSize: 4, threads: 2, warmup: false, ...options })
      model.dispose()
      return engine
    }
    const batch = new Float32Array(5 * 3072).fill(0.5)
  \`
  const engineOf = async () => {
    const { compile, resnet18Cifar } = await import('napi-torch')
    return compile(resnet18Cifar({ numClasses: 10 }).eval(), { input: [3, 32, 32], maxBatchSize: 4, threads: 2, warmup: false })
  }
`

function run(source: string, flags: readonly string[] = []): void {
  const { code, signal, stdout, stderr } = runChild(PREAMBLE + source, { flags })

  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: 'done\n' }, stderr)
}

describe('engines in worker threads', () => {
  it('compute side by side: eight of them, the same results, nothing left alive', () => {
    run(`
      const workers = Array.from({ length: 8 }, () => start(ENGINE + \`
        const engine = await make()
        const outputs = await Promise.all(Array.from({ length: 4 }, () => engine.run(batch)))
        await engine.close()
        parentPort.postMessage([outputs.every((output) => output.every((value, index) => value === outputs[0][index])), outputs[0][3], memory().tensors])
      \`))
      const answers = await Promise.all(workers.map(async (worker) => {
        const exit = once(worker, 'exit')
        const [answer] = await once(worker, 'message')
        return JSON.stringify([...answer, ...(await exit)])
      }))
      console.log(new Set(answers).size === 1 && answers[0].startsWith('[true,') && answers[0].endsWith(',0,0]') ? 'done' : answers)
    `)
  })

  it('may be terminated in the middle of runs, again and again', () => {
    run(`
      const engine = await engineOf()
      const batch = new Float32Array(3072)
      const wanted = await engine.run(batch)
      for (let round = 0; round < 5; round++) {
        const workers = Array.from({ length: 3 }, () => start(ENGINE + \`
          const engine = await make()
          parentPort.postMessage('begun')
          for (;;) await Promise.all([engine.run(batch), engine.infer(batch.subarray(0, 3072)), engine.run(batch)])
        \`))
        await Promise.all(workers.map((worker) => once(worker, 'message')))
        await setTimeout(round * 9)
        await Promise.all(workers.map((worker) => worker.terminate()))
        const received = await engine.run(batch)
        if (received[0] !== wanted[0]) throw new Error('The main thread computes wrong')
      }
      await engine.close()
      console.log('done')
    `)
  })

  it('may end with engines that are not closed, and runs that are not awaited', () => {
    run(`
      for (let round = 0; round < 4; round++) {
        const worker = start(ENGINE + \`
          const engine = await make()
          engine.run(batch)
          engine.infer(batch.subarray(0, 3072))
          \${round % 2 === 0 ? 'process.exit(5)' : ''}
        \`)
        const [code] = await once(worker, 'exit')
        if (code !== (round % 2 === 0 ? 5 : 0)) throw new Error(\`The worker ended with \${code}\`)
      }
      console.log('done')
    `)
  })
})

describe('process.exit()', () => {
  for (const delay of [0, 5, 40]) {
    it(`ends the process cleanly while batches are computed, after ${delay} ms`, () => {
      const { code, signal, stderr } = runChild(`${PREAMBLE}
        const engine = await engineOf()
        const batch = new Float32Array(64 * 3072)
        for (let round = 0; round < 8; round++) engine.run(batch)
        for (let round = 0; round < 8; round++) engine.infer(batch.subarray(0, 3072))
        await setTimeout(${delay})
        process.exit(7)
      `)

      assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' })
    })
  }

  const rude: readonly [kernels: string, title: string, how: string][] = [
    ['onednn', 'no listener of the exit is left', "process.removeAllListeners('exit'); finish(); process.exit(0)"],
    ['aten', 'process.reallyExit() is called', 'finish(); process.reallyExit(0)'],
  ]
  for (const [kernels, title, how] of rude) {
    it(`ends the process cleanly while ${kernels} computes, where ${title}`, () => {
      run(`
        import { writeSync } from 'node:fs'
        const finish = () => writeSync(1, 'done\\n')
        const { compile, Conv2d, Sequential } = await import('napi-torch')
        const model = new Sequential([new Conv2d(3, 32, 3), new Conv2d(32, 32, 3)]).eval()
        const engine = await compile(model, { input: [3, 64, 64], threads: 2, warmup: false, kernels: '${kernels}' })
        for (let i = 0; i < 4; i++) void engine.run(new Float32Array(64 * 12288))
        await setTimeout(150)
        ${how}
      `)
    })
  }

  it('is not what process.emit("exit") is: engines go on', () => {
    run(`
      const engine = await engineOf()
      process.emit('exit', 0)
      const output = await engine.run(new Float32Array(3072))
      await engine.close()
      // Node itself takes the event for the end of a module that waits.
      process.exitCode = 0
      console.log(output.length === 10 ? 'done' : output)
    `)
  })

  it('ends the process cleanly while a model is compiled', () => {
    const { code, signal, stderr } = runChild(`${PREAMBLE}
      const { compile, resnet18Cifar } = await import('napi-torch')
      compile(resnet18Cifar().eval(), { input: [3, 32, 32] })
      await setTimeout(5)
      process.exit(7)
    `)

    assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' })
  })
})

describe('a process', () => {
  it('ends by itself when runs are done, though engines are open', () => {
    run(`
      const engine = await engineOf()
      engine.run(new Float32Array(3072)).then(() => console.log('done'))
    `)
  })

  it('gets the memory of engines back that were dropped without being closed', () => {
    run(
      `
      const { compile, Conv2d, Sequential } = await import('napi-torch')
      const make = async () => {
        const model = new Sequential(new Conv2d(64, 64, 3, { padding: 1 })).eval()
        const engine = await compile(model, { input: [64, 64, 64], maxBatchSize: 8, threads: 1 })
        await engine.run(new Float32Array(8 * 64 * 64 * 64))
        model.dispose()
      }
      const grow = async (count) => {
        for (let index = 0; index < count; index++) await make()
        for (let index = 0; index < 5; index++) {
          globalThis.gc()
          await setTimeout(5)
        }
        return process.memoryUsage().rss / 2 ** 20
      }
      const before = await grow(10)
      const after = await grow(40)
      // One engine takes about 35 MiB.
      console.log(after - before < 200 ? 'done' : \`\${before} MiB, then \${after} MiB\`)
    `,
      ['--expose-gc'],
    )
  })

  it('has as many threads, descriptors and listeners as before when engines of many thread counts are closed', function () {
    if (process.platform !== 'linux') return skip(this, 'this system does not list threads in /proc')
    run(`
      import { readdirSync } from 'node:fs'
      const count = () => ['/proc/self/task', '/proc/self/fd'].map((folder) => readdirSync(folder).length)
        .concat(process.listenerCount('exit')).join(' ')
      const { compile, Linear, Sequential } = await import('napi-torch')
      const model = new Sequential([new Linear(4, 2)]).eval()
      const cycle = async (threads) => {
        const engine = await compile(model, { input: [4], threads })
        await engine.infer(new Float32Array(4))
        await engine.close()
      }
      await cycle(1)
      const before = count()
      for (let threads = 2; threads <= 16; threads++) await cycle(threads)
      await setTimeout(100)
      console.log(count() === before ? 'done' : [before, count()])
    `)
  })

  it('gives the memory of closed models back to the system', function () {
    if (process.platform !== 'linux') return skip(this, 'this system does not tell the memory in /proc')
    run(`
      import { readFileSync } from 'node:fs'
      const resident = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
      const { compile, init, memory, resnet18 } = await import('napi-torch')
      const cycle = async () => {
        const model = init.skipInit(() => resnet18()).eval()
        for (const parameter of model.parameters()) init.constant_(parameter, 0.01)
        const engine = await compile(model, { input: [3, 64, 64], threads: 2, maxBatchSize: 1, warmup: false })
        await engine.run(new Float32Array(12288))
        model.dispose()
        await engine.close()
      }
      memory()
      const before = resident()
      for (let round = 0; round < 2; round++) await cycle()
      const growth = resident() - before
      console.log(growth < 60 ? 'done' : growth)
    `)
  })

  it('keeps its event loop free while batches are computed', () => {
    run(`
      const engine = await engineOf()
      const batch = new Float32Array(64 * 3072)
      let [turns, isDone] = [0, false]
      const done = Promise.all([engine.run(batch), engine.run(batch)]).then(() => (isDone = true))
      while (!isDone) {
        await setTimeout(0)
        turns++
      }
      await done
      console.log(turns > 20 ? 'done' : \`\${turns} turns\`)
    `)
  })
})
