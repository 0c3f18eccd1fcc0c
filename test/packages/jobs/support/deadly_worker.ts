// A worker whose model ends the process at an image of a certain name, as a decoder with a fault would.

import { runWorker } from '../../../../packages/jobs/lib/run_worker.js'

const [redis = ''] = process.argv.slice(2)

await runWorker(
  {
    redis,
    queue: undefined,
    concurrency: 1,
    lockMs: 1000,
    allowRoot: undefined,
    metrics: undefined,
    untilDone: true,
    signal: undefined,
    onEvent: () => undefined,
  },
  () =>
    Promise.resolve({
      classify: (image) => {
        if (String(image).endsWith('deadly.png')) process.kill(process.pid, 'SIGKILL')
        return Promise.resolve([{ label: 'alive', index: 0, probability: 1 }])
      },
      features: () => Promise.reject(new Error('No features are requested')),
      close: () => Promise.resolve(),
    }),
)
