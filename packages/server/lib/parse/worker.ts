// The thread that reads long requests: parsing JSON cannot be interrupted, and would keep all other requests waiting.
import { parentPort } from 'node:worker_threads'

import { buffersOf, runTask, type ParseTask } from './task.js'

// Memory of a pool cannot be transferred: small files, too, get some of their own.
Buffer.poolSize = 0

parentPort?.on('message', (task: ParseTask) => {
  const result = runTask(task)
  parentPort?.postMessage(result, [...buffersOf(result.input)])
})
