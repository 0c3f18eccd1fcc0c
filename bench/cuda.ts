/**
 * Compares what a GPU does for ResNet-18 at 224 × 224: the engine, eager modules, and PyTorch's own eager ones where python3
 * has a torch with CUDA. They take turns, round by round; batches lie in the CPU's memory, where servers have them, and
 * outputs come back there. Ends with 2 where there is no GPU.
 *
 * npm run bench:cuda -- [--rounds 5] [--batches 1,8,32] [--json FILE]
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { compile, cuda, randn, resnet18, scope, type EngineDType } from 'napi-torch'

import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf } from './support/sample.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    batches: { type: 'string', default: '1,8,32' },
    json: { type: 'string' },
  },
})
const INPUT = [3, 224, 224]
const DTYPES: readonly EngineDType[] = ['float32', 'bfloat16', 'float16']
/** For how long a contender computes in its turn. */
const TURN_MS = 1000
const PYTHON = fileURLToPath(new URL('cuda/eager.py', import.meta.url))

/** Gives images per second. */
type Contender = () => Promise<number> | number

async function rateOf(batch: number, run: () => Promise<unknown> | undefined): Promise<number> {
  await run()
  const began = performance.now()
  let runs = 0
  do {
    await run()
    runs++
  } while (performance.now() - began < TURN_MS)
  return (1000 * batch * runs) / (performance.now() - began)
}

async function compare(batch: number, dtype: EngineDType): Promise<object> {
  const model = resnet18().eval()
  const engine = await compile(model, { input: INPUT, device: 'cuda', dtype, bucketSizes: [batch] })
  const { note } = await engine.explain({ batchSize: batch, runs: 1 })
  model.to({ device: 'cuda', dtype, memoryFormat: 'channels_last' })
  const images = scope(() => randn([batch, ...INPUT]).toFloat32Array())
  const onHost = randn([batch, ...INPUT])
  const contenders: Record<string, Contender> = {
    engine: () => rateOf(batch, () => engine.run(images)),
    eager: () =>
      rateOf(batch, () => {
        scope(() => model.forward(onHost.to({ device: 'cuda', dtype, memoryFormat: 'channels_last' })).cpu())
        return undefined
      }),
    python: () => pythonRate(batch, dtype),
  }
  const rates = new Map(Object.keys(contenders).map((name): [string, number[]] => [name, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, contender] of Object.entries(contenders)) rates.get(name)?.push(await contender())
  }
  await engine.close()
  onHost.dispose()
  model.dispose()

  const samples = [...rates]
    .filter(([, each]) => each.every(Number.isFinite))
    .map(([name, each]) => [name, sampleOf(each)])
  const result = Object.fromEntries(samples) as Record<string, ReturnType<typeof sampleOf>>
  console.log(`batch ${batch}, ${dtype} (${note ?? ''})`)
  for (const [name, sample] of Object.entries(result)) {
    const ratio = (result['engine']?.median ?? NaN) / sample.median
    console.log(
      `  ${name.padEnd(8)} ${formatSample(sample, 0)} images/s; the engine does ${ratio.toFixed(2)} times as many`,
    )
  }
  return { batch, dtype, note, imagesPerSecond: result }
}

/** Of PyTorch in a process of its own, or NaN where there is none that can. */
function pythonRate(batch: number, dtype: EngineDType): number {
  const args = [PYTHON, String(batch), dtype, String(TURN_MS)]
  const { stdout, status } = spawnSync(process.env['NAPI_TORCH_TEST_PYTHON'] ?? 'python3', args, { encoding: 'utf8' })
  return status === 0 ? Number(stdout) : NaN
}

if (cuda.isAvailable()) {
  const machine = describeMachine()
  printMachine(machine)
  const rows: object[] = []
  for (const batch of values.batches.split(',').map(Number)) {
    for (const dtype of DTYPES) rows.push(await compare(batch, dtype))
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`)
} else {
  console.log('There is no GPU that this libtorch can use')
  process.exitCode = 2
}
