/**
 * Measures the resident memory of a process that serves: with one model, and what each further one adds, by the architecture
 * and the largest tile of Winograd's kernels. Checkpoints have random weights, and each figure is of processes of its own.
 *
 * npm run bench:memory -- [--models 3] [--json bench/results/memory.json]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { createServer } from '@napi-torch/server'
import {
  manualSeed,
  resnet152,
  resnet18,
  resnet18Cifar,
  resnet50,
  saveCheckpoint,
  scope,
  WINOGRAD_TILES,
} from 'napi-torch'

import { describeMachine, printMachine } from './support/machine.js'

const MIB = 2 ** 20
const MODELS = {
  'ResNet-18 (CIFAR)': resnet18Cifar,
  'ResNet-18': resnet18,
  'ResNet-50': resnet50,
  'ResNet-152': resnet152,
}
type Name = keyof typeof MODELS

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '3' },
    json: { type: 'string', default: fileURLToPath(new URL('results/memory.json', import.meta.url)) },
    checkpoint: { type: 'string' },
    tile: { type: 'string' },
  },
})
const count = Number(values.models)

/** Resident memory that is the process's own: mapped files that others may share do not count. */
function residentBytes(): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(/RssAnon:\s*(\d+)/.exec(status)?.[1] ?? NaN) * 1024
}

/** Serves so many models, and prints the memory when all are ready. */
async function serve(checkpoint: string, winogradTile: number): Promise<void> {
  const models = Array.from({ length: count }, (_, index) => ({ name: `model-${index}`, checkpoint }))
  const tile = WINOGRAD_TILES.find((each) => each === winogradTile)
  const server = await createServer({ models, winogradTile: tile, port: 0 })
  await server.listen()
  await server.ready()
  globalThis.gc?.()
  console.log(residentBytes())
  await server.close()
}

interface Row {
  readonly model: Name
  readonly winogradTile: number
  readonly firstMib: number
  readonly furtherMib: number
}

function measure(model: Name, checkpoint: string, winogradTile: number): Row {
  const [first, all] = [residentWith(1, checkpoint, winogradTile), residentWith(count, checkpoint, winogradTile)]
  const round = (bytes: number): number => Math.round(bytes / MIB)
  return { model, winogradTile, firstMib: round(first), furtherMib: round((all - first) / (count - 1)) }
}

function residentWith(models: number, checkpoint: string, winogradTile: number): number {
  const args = ['--checkpoint', checkpoint, '--tile', String(winogradTile), '--models', String(models)]
  const self = fileURLToPath(import.meta.url)
  const { stdout, stderr, status } = spawnSync(process.execPath, [...process.execArgv, '--expose-gc', self, ...args], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout.trim().split('\n').at(-1))
}

async function main(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('The memory of a process is read as Linux shows it')
  if (!(Number.isSafeInteger(count) && count >= 2)) throw new Error('Expected at least 2 for --models')
  const folder = mkdtempSync(join(tmpdir(), 'napi-torch-memory-'))
  const rows: Row[] = []
  try {
    printMachine(describeMachine())
    for (const [name, make] of Object.entries(MODELS) as [Name, () => ReturnType<typeof resnet18>][]) {
      const checkpoint = join(folder, `${name.replaceAll(' ', '-')}.pth`)
      manualSeed(1n)
      await scope(async () => {
        const model = make()
        await saveCheckpoint(checkpoint, model.stateDict())
        model.dispose()
      })
      for (const tile of WINOGRAD_TILES) {
        const row = measure(name, checkpoint, tile)
        rows.push(row)
        console.log(
          `${name}, tiles of ${tile}: ${row.firstMib} MiB with one model, ${row.furtherMib} MiB for each further one`,
        )
      }
      rmSync(checkpoint)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  writeFileSync(values.json, `${JSON.stringify({ machine: describeMachine(), rows }, null, 2)}\n`)
}

await (values.checkpoint === undefined ? main() : serve(values.checkpoint, Number(values.tile)))
