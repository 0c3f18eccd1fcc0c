// A worker of BullMQ that computes chunks of images in one of two ways: `blocking` runs eager modules on the event loop, as a runtime
// without threads of its own must; `engine` uses an engine. Prints a line for
// each chunk that it has computed. Arguments: port of Redis, queue, way, lock in ms, images of a chunk.
import { Worker } from 'bullmq'
import { compile, randn, resnet18, scope } from 'napi-torch'

const [port = '', queue = '', way = '', lock = '', images = ''] = process.argv.slice(2)
const INPUT = [3, 224, 224]

const model = resnet18().eval()
const engine = way === 'engine' ? await compile(model, { input: INPUT, threads: 1, bucketSizes: [1] }) : null
const sample = scope(() => randn(INPUT).toFloat32Array())

const worker = new Worker(
  queue,
  async (job) => {
    for (let image = 0; image < Number(images); image++) {
      if (engine !== null) await engine.infer(sample)
      else scope(() => model.forward(randn([1, ...INPUT])))
    }
    console.log(`chunk ${job.id}`)
  },
  {
    connection: { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null },
    lockDuration: Number(lock),
    stalledInterval: Number(lock),
    maxStalledCount: 100,
  },
)
worker.on('stalled', (id) => console.log(`stalled ${id}`))
worker.on('error', () => undefined)
worker.on('ready', () => console.log('ready'))
