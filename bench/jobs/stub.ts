// A worker without a model: sends to Redis what `jobs work` sends for each chunk, and does nothing else, until its standard input
// ends. Arguments: address of Redis, chunks at a time.
import { once } from 'node:events'

import { Worker } from 'bullmq'

import { JobQueue } from '../../packages/jobs/lib/job_queue.js'
import { KEY_PREFIX } from '../../packages/jobs/lib/keys.js'
import { DEFAULT_LOCK_MS } from '../../packages/jobs/lib/limits.js'
import { checkChunk } from '../../packages/jobs/lib/manifest.js'

const [redis = '', concurrency = ''] = process.argv.slice(2)
const queue = await JobQueue.open({ redis })
const worker = new Worker<unknown>(
  queue.name,
  async (job) => {
    const { run, chunk } = checkChunk(job.data)
    if (await queue.runs.isWanted(run)) await queue.runs.finish(run, chunk, { images: 1, errors: {} })
  },
  {
    connection: queue.redis,
    prefix: KEY_PREFIX,
    autorun: false,
    concurrency: Number(concurrency),
    lockDuration: DEFAULT_LOCK_MS,
    stalledInterval: DEFAULT_LOCK_MS,
  },
)
worker.on('error', () => undefined)
const running = worker.run()
console.log('ready')
process.stdin.resume()
await once(process.stdin, 'end')
await worker.close()
await running
await queue.close()
