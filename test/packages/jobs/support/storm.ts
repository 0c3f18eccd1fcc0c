import { once } from 'node:events'

import { merge, status, submit } from '@napi-torch/jobs'

import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { RedisServer } from './redis.js'
import { predictionsHere, countDifferences, readRows } from './results.js'
import { WorkerProcess } from './worker_process.js'

/** Options of {@link runStorm}. */
export interface StormOptions {
  /** Folder of the images. */
  readonly source: string
  readonly paths: readonly string[]
  readonly out: string
  readonly chunkSize: number
  /** Lock in seconds. */
  readonly lock: number
}

/** Result of {@link runStorm}. */
export interface StormReport {
  readonly images: number
  readonly chunks: number
  readonly workers: number
  readonly killed: number
  readonly stopped: number
  readonly redisRestarts: number
  /** Chunks of the killed worker that others gave back to the queue. */
  readonly takenOver: number
  /** Chunks that were added by submitting the same again, three times. */
  readonly addedAgain: number
  /** Images that occur in the result more than once. */
  readonly duplicates: number
  readonly missing: number
  /** Images that one process classifies differently. */
  readonly differing: number
  /** Failed images. */
  readonly errors: number
  /** From the first worker that is ready to the last chunk that is done, restarts included. */
  readonly seconds: number
}

/**
 * Computes a run with three workers. After a quarter of the chunks one is killed with SIGKILL, after a half Redis is restarted, after
 * three quarters another worker is stopped. Meanwhile the same run is submitted three more times. The result is compared with that of
 * one process.
 */
export async function runStorm({ source, paths, out, chunkSize, lock }: StormOptions): Promise<StormReport> {
  const redis = await RedisServer.start()
  const workers: WorkerProcess[] = []
  try {
    const again = (): Promise<number> => {
      return submit(source, { model: CHECKPOINT, out, chunkSize, redis: redis.url }).then(({ added }) => added)
    }
    const { chunks } = await submit(source, { model: CHECKPOINT, out, chunkSize, redis: redis.url })
    let addedAgain = await again()

    const milestones = new Milestones(chunks)
    let begin = 0
    const args = ['--redis', redis.url, '--threads', '1', '--lock', `${lock}`]
    for (const extra of [[], [], ['--until-done']]) {
      workers.push(
        new WorkerProcess([...args, ...extra], (event) => {
          if (event.type === 'ready' && begin === 0) begin = performance.now()
          if (event.type === 'chunk') milestones.chunkDone()
        }),
      )
    }
    const [first, second, third] = workers
    if (first === undefined || second === undefined || third === undefined) throw new Error('There are no workers')

    const ended = third.ended.then((code) => {
      milestones.fail(new Error(`A worker ended with ${code} while others were under way:\n${third.output}`))
      return code
    })
    await milestones.reached(1 / 4)
    first.child.kill('SIGKILL')
    await first.ended
    addedAgain += await again()
    await milestones.reached(1 / 2)
    await redis.stop()
    await redis.resume()
    addedAgain += await again()
    await milestones.reached(3 / 4)
    second.child.kill('SIGTERM')
    if ((await second.ended) !== 0) throw new Error(`The worker that was told to stop failed:\n${second.output}`)
    if ((await ended) !== 0) throw new Error(`The last worker failed:\n${third.output}`)
    const seconds = (performance.now() - begin) / 1000

    const { runs } = await status({ redis: redis.url })
    if (runs[0]?.state !== 'finished') throw new Error(`The run is ${runs[0]?.state}`)
    const { results, errors } = await merge(out)
    const rows = readRows(results)
    const found = new Set(rows.map(({ path }) => path))
    return {
      images: paths.length,
      chunks,
      workers: workers.length,
      killed: 1,
      stopped: 1,
      redisRestarts: 1,
      takenOver: workers.reduce((sum, worker) => sum + worker.takenOver, 0),
      addedAgain,
      duplicates: rows.length - found.size,
      missing: paths.filter((path) => !found.has(path)).length,
      differing: countDifferences(rows, await predictionsHere(paths)),
      errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
      seconds,
    }
  } finally {
    for (const { child } of workers) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await redis.remove()
  }
}

/** Waits until shares of the chunks are done. */
class Milestones {
  readonly #chunks: number
  #done = 0
  #waiting: { readonly chunks: number; resolve: () => void; reject: (error: Error) => void } | null = null

  constructor(chunks: number) {
    this.#chunks = chunks
  }

  chunkDone(): void {
    this.#done++
    if (this.#waiting !== null && this.#done >= this.#waiting.chunks) this.#waiting.resolve()
  }

  fail(error: Error): void {
    this.#waiting?.reject(error)
  }

  reached(share: number): Promise<void> {
    const chunks = Math.ceil(share * this.#chunks)
    if (this.#done >= chunks) return Promise.resolve()
    return new Promise((resolve, reject) => (this.#waiting = { chunks, resolve, reject }))
  }
}
