import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { loadCheckpoint, saveCheckpoint, saveSafetensors } from 'napi-torch'

import { inFolder } from '../../support/checkpoints.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { ask, post, startServer, type RunningServer } from '../../support/server.js'
import type { ServerOptions } from '@napi-torch/server'

const CONFIG = 'preset: fashion-mnist\nlabels: fashion-mnist\n'
const CHECK_MS = 50

/** A folder of models with one, `m`, whose version 1 is there. */
async function withFolder(
  body: (folder: string, start: (options?: Partial<ServerOptions>) => Promise<RunningServer>) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const running: RunningServer[] = []
    await addVersion(folder, 1)
    await writeFile(join(folder, 'm', 'config.yaml'), CONFIG)
    try {
      await body(folder, async (options = {}) => {
        const server = await startServer({ models: {}, modelsFolder: folder, modelsFolderMs: CHECK_MS, ...options })
        running.push(server)
        return server
      })
    } finally {
      for (const { server } of running) await server.close({ graceMs: 2000 })
    }
  })
}

async function addVersion(folder: string, version: number, name = 'm'): Promise<void> {
  const place = join(folder, name, String(version))
  await mkdir(place, { recursive: true })
  await copyFile(CHECKPOINT, join(place, 'model.pth'))
}

type Entry = Readonly<Record<'name' | 'version' | 'state' | 'reason', string>>

async function index({ url }: RunningServer): Promise<readonly Entry[]> {
  return (await post(`${url}/v2/repository/index`, {})).body as readonly Entry[]
}

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 40_000
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `Waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Waits until these, as `version state`, are the versions of `m`. */
async function becomes(running: RunningServer, states: readonly string[]): Promise<readonly Entry[]> {
  let now: readonly Entry[] = []
  await until(`the versions are ${states.join(', ')}`, async () => {
    now = await index(running)
    return now.map(({ version, state }) => `${version} ${state}`).join() === states.join()
  })
  return now
}

async function answers({ url }: RunningServer, path = 'm'): Promise<number> {
  const data = Array<number>(3 * 28 * 28).fill(0)
  const inputs = [{ name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], data }]
  return (await post(`${url}/v2/models/${path}/infer`, { inputs })).status
}

describe('modelsFolder', function () {
  this.timeout(120_000)

  it('serves what is there at the start, loads what comes, the highest version, and unloads what goes', async () => {
    await withFolder(async (folder, start) => {
      const running = await start()
      assert.equal(await answers(running), 200)

      await addVersion(folder, 10)
      await becomes(running, ['10 READY'])
      assert.equal(await answers(running, 'm/versions/1'), 404)
      assert.equal(await answers(running), 200)

      await rm(join(folder, 'm', '10'), { recursive: true })
      await becomes(running, ['1 READY'])

      await rm(join(folder, 'm'), { recursive: true })
      await becomes(running, [])
      assert.equal(await answers(running), 404)
      assert.equal(running.server.isReady, true)
      const events = running.log.map((line) => (JSON.parse(line) as { msg: string }).msg)
      assert.ok(events.includes('model loaded') && events.includes('model unloaded'))
    })
  })

  it('does not load a version that is still being copied', async () => {
    await withFolder(async (folder, start) => {
      // A file that does not change between two checks counts as whole, and the machine may stand still for a while.
      const running = await start({ modelsFolderMs: 1000 })
      const bytes = await readFile(CHECKPOINT)
      const place = join(folder, 'm', '2')
      await mkdir(place)
      for (let part = 0; part < 20; part++) {
        const from = Math.floor((bytes.length * part) / 20)
        await appendFile(join(place, 'model.pth'), bytes.subarray(from, Math.floor((bytes.length * (part + 1)) / 20)))
        await new Promise((resolve) => setTimeout(resolve, 150))
      }

      await becomes(running, ['2 READY'])

      assert.deepEqual(
        running.log.filter((line) => line.includes('cannot be loaded')),
        [],
      )
    })
  })

  it('keeps the old version while the new one is broken, says so, and loads it when it is whole', async () => {
    await withFolder(async (folder, start) => {
      const running = await start()
      const place = join(folder, 'm', '2')
      await mkdir(place)
      await writeFile(join(place, 'model.pth'), 'no checkpoint')

      const broken = await becomes(running, ['1 READY', '2 UNAVAILABLE'])

      assert.match(broken[1]?.reason ?? '', /model\.pth: /)
      assert.equal(await answers(running), 200)
      assert.equal((await ask(`${running.url}/readyz`)).status, 200)
      const metrics = await (await fetch(`${running.url}/metrics`)).text()
      assert.match(metrics, /^napi_torch_reloads_total\{result="failed"\} 1$/m)
      assert.match(metrics, /^napi_torch_model_ready\{model="m",version="2"\} 0$/m)
      // Told once, not at each check.
      await new Promise((resolve) => setTimeout(resolve, 5 * CHECK_MS))
      assert.equal(running.log.filter((line) => line.includes('model cannot be loaded')).length, 1)

      await copyFile(CHECKPOINT, join(place, 'model.pth'))
      await becomes(running, ['2 READY'])
    })
  })

  it('serves the newest version that works where the newest is broken at the start, and that when its files change', async () => {
    await withFolder(async (folder, start) => {
      for (const version of [2, 3, 4]) await addVersion(folder, version)
      for (const version of [3, 4]) await writeFile(join(folder, 'm', String(version), 'model.pth'), 'no checkpoint')

      const running = await start()

      const entries = await index(running)
      const stateOf = ({ version, state }: Entry): string => `${version} ${state}`
      assert.deepEqual(entries.map(stateOf), ['4 UNAVAILABLE', '3 UNAVAILABLE', '2 READY'])
      for (const { reason } of entries.slice(0, 2)) assert.match(reason, /model\.pth: /)
      assert.equal(await answers(running), 200)
      assert.equal(running.server.isReady, true)
      assert.equal(running.log.filter((line) => line.includes('model cannot be loaded')).length, 2)
      const metrics = await (await fetch(`${running.url}/metrics`)).text()
      assert.match(metrics, /^napi_torch_reloads_total\{result="failed"\} 2$/m)
      assert.match(metrics, /^napi_torch_model_ready\{model="m",version="4"\} 0$/m)

      await copyFile(CHECKPOINT, join(folder, 'm', '4', 'model.pth'))
      await becomes(running, ['4 READY'])
    })
  })

  it('serves no other version than the policy names', async () => {
    await withFolder(async (folder, start) => {
      await addVersion(folder, 2)
      await writeFile(join(folder, 'm', '2', 'model.pth'), 'no checkpoint')

      const running = await start({ versionPolicy: '2' })

      await becomes(running, ['2 UNAVAILABLE'])
      assert.equal(await answers(running), 503)
    })
  })

  it('does not go back to an older version where a model was unloaded on request', async () => {
    await withFolder(async (folder, start) => {
      await addVersion(folder, 2)
      const running = await start({ repositoryControl: true, adminToken: 'admin' })
      await post(`${running.url}/v2/repository/models/m/unload`, {}, { authorization: 'Bearer admin' })

      await new Promise((resolve) => setTimeout(resolve, 10 * CHECK_MS))

      await becomes(running, ['2 UNAVAILABLE'])
    })
  })

  for (const [kind, save] of [
    ['safetensors', saveSafetensors],
    ['bin', saveCheckpoint],
  ] as const) {
    it(`waits for all shards of a checkpoint in ${kind} files, says so, and then serves it`, async () => {
      await withFolder(async (folder, start) => {
        const running = await start()
        const stem = kind === 'bin' ? 'pytorch_model' : 'model'
        const place = join(folder, 'm', '2')
        await mkdir(place)
        using state = await loadCheckpoint(CHECKPOINT)
        const entries = [...state]
        const halves = [entries.slice(0, 60), entries.slice(60)]
        const names = halves.map((_half, index) => `${stem}-0000${index + 1}-of-00002.${kind}`)
        const saveHalf = (index: number): Promise<void> =>
          save(join(place, names[index] ?? ''), new Map(halves[index] ?? []))
        const map = halves.flatMap((half, index) => half.map(([key]) => [key, names[index]]))

        const [, empty] = await becomes(running, ['1 READY', '2 UNAVAILABLE'])
        await saveHalf(0)
        await until('the index is missed', async () => (await index(running))[1]?.reason.includes('index') === true)
        const withoutIndex = await becomes(running, ['1 READY', '2 UNAVAILABLE'])
        await writeFile(
          join(place, `${stem}.${kind}.index.json`),
          JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) as object }),
        )
        await writeFile(join(place, 'config.json'), '{}')
        await until('the shard is missed', async () => (await index(running))[1]?.reason.includes('-00002-') === true)
        const [, withoutShard] = await index(running)

        assert.equal(empty?.reason, 'a checkpoint such as model.pth is still to come')
        assert.equal(withoutIndex[1]?.reason, `${stem}.${kind}.index.json is still to come`)
        assert.equal(withoutShard?.reason, `${names[1]} is still to come`)
        assert.equal(await answers(running), 200)
        await saveHalf(1)
        await becomes(running, ['2 READY'])
        assert.equal(await answers(running), 200)
        assert.deepEqual(
          running.log.filter((line) => line.includes('cannot be loaded')),
          [],
        )
        assert.ok(running.log.some((line) => line.includes('"msg":"model is incomplete"')))
        const metrics = await (await fetch(`${running.url}/metrics`)).text()
        assert.doesNotMatch(metrics, /^napi_torch_reloads_total\{result="failed"\}/m)
      })
    })
  }

  it('keeps a version as it was where its own files are overwritten by broken ones', async () => {
    await withFolder(async (folder, start) => {
      const running = await start()
      await writeFile(join(folder, 'm', '1', 'model.pth'), 'no checkpoint')

      await until('the reason is told', async () => (await index(running))[0]?.reason !== '')

      const [entry] = await index(running)
      assert.equal(entry?.state, 'READY')
      assert.match(entry.reason, /^The files have changed, and cannot be loaded: /)
      assert.equal(await answers(running), 200)
    })
  })

  for (const [versionPolicy, states] of [
    ['all', ['1 READY', '2 READY', '3 READY']],
    ['latest:2', ['2 READY', '3 READY']],
    ['1,3', ['1 READY', '3 READY']],
  ] as const) {
    it(`serves ${states.length} of three versions by the policy ${versionPolicy}`, async () => {
      await withFolder(async (folder, start) => {
        for (const version of [2, 3]) await addVersion(folder, version)

        const running = await start({ versionPolicy })

        assert.deepEqual(
          (await index(running)).map(({ version, state }) => `${version} ${state}`),
          states,
        )
      })
    })
  }

  it('unloads nothing where the folder cannot be read, and tells that once', async () => {
    await withFolder(async (folder, start) => {
      const running = await start()
      await rename(folder, `${folder}.gone`)
      try {
        await until('it is told', () =>
          running.log.some((line) => line.includes('the folder of models cannot be read')),
        )
        await new Promise((resolve) => setTimeout(resolve, 5 * CHECK_MS))

        assert.equal(running.log.filter((line) => line.includes('cannot be read')).length, 1)
        assert.equal(await answers(running), 200)
      } finally {
        await rename(`${folder}.gone`, folder)
      }
    })
  })

  it('is read by reload() where the interval is 0, beside the models of the settings, which come first', async () => {
    await withFolder(async (folder, start) => {
      const own = { name: 'own', checkpoint: CHECKPOINT }
      const running = await start({ models: [own], modelsFolderMs: 0 })
      await addVersion(folder, 2)
      await addVersion(folder, 7, 'own')
      await new Promise((resolve) => setTimeout(resolve, 3 * CHECK_MS))
      const before = await index(running)

      await running.server.reload()

      assert.deepEqual(
        [before, await index(running)].map((entries) => entries.map(({ name, version }) => `${name} ${version}`)),
        [
          ['own 1', 'm 1'],
          ['own 1', 'm 2'],
        ],
      )
    })
  })
})
