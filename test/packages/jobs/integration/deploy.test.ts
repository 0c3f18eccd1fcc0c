import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { submit } from '@napi-torch/jobs'
import { parseAllDocuments } from 'yaml'

import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { useTemporaryFolder } from '../../../support/folder.js'
import { writeImages } from '../support/images.js'
import { useRedis } from '../support/redis.js'
import { WorkerProcess } from '../support/worker_process.js'

interface Manifests {
  readonly Deployment: {
    readonly spec: {
      readonly template: {
        readonly spec: {
          readonly containers: readonly {
            readonly command: readonly string[]
            readonly args: readonly string[]
            readonly env: readonly { readonly name: string }[]
            readonly livenessProbe: { readonly httpGet: { readonly path: string } }
          }[]
        }
      }
    }
  }
  readonly ScaledObject: {
    readonly spec: { readonly triggers: readonly { readonly metadata: Record<string, string> }[] }
  }
  readonly HorizontalPodAutoscaler: {
    readonly spec: {
      readonly metrics: readonly {
        readonly external: {
          readonly metric: {
            readonly name: string
            readonly selector: { readonly matchLabels: Record<string, string> }
          }
        }
      }[]
    }
  }
}

async function manifests(): Promise<Manifests> {
  const kinds: [unknown, unknown][] = []
  for (const name of ['jobs.yaml', 'jobs-hpa.yaml']) {
    const path = fileURLToPath(new URL(`../../../../deploy/kubernetes/${name}`, import.meta.url))
    for (const document of parseAllDocuments(await readFile(path, 'utf8'))) {
      kinds.push([document.get('kind'), document.toJS()])
    }
  }
  return Object.fromEntries(kinds) as Manifests
}

describe('deploy/kubernetes/jobs.yaml', function () {
  this.timeout(60_000)
  const redis = useRedis()
  const folder = useTemporaryFolder()
  beforeEach(() => redis().flush())

  it('scales by the list of the waiting chunks', async () => {
    const { ScaledObject } = await manifests()
    await writeImages(join(folder(), 'images'), 12)
    const options = { model: CHECKPOINT, out: join(folder(), 'out'), chunkSize: 4, redis: redis().url }
    const { chunks } = await submit(join(folder(), 'images'), options)

    const list = ScaledObject.spec.triggers[0]?.metadata['listName'] ?? ''

    assert.equal(await redis().use((client) => client.llen(list)), chunks)
  })

  it('starts a worker that answers its probe, and serves the metric of the autoscaler', async () => {
    const { Deployment, HorizontalPodAutoscaler } = await manifests()
    const [container] = Deployment.spec.template.spec.containers
    assert.ok(container !== undefined)
    assert.deepEqual(container.args.slice(0, 2), ['jobs', 'work'])
    const args = container.args.slice(2).map((arg) => arg.replace('0.0.0.0:9100', '127.0.0.1:0'))
    let ready: (url: string | null) => void = () => undefined
    const served = new Promise<string | null>((resolve) => (ready = resolve))
    const worker = new WorkerProcess(['--redis', redis().url, ...args], (event) => {
      if (event.type === 'ready') ready(event.metrics)
    })
    try {
      const url = await Promise.race([served, worker.ended.then(() => assert.fail(worker.output))])
      const text = await (await fetch(String(url))).text()
      const health = await fetch(new URL(container.livenessProbe.httpGet.path, String(url)))

      const { name, selector } = HorizontalPodAutoscaler.spec.metrics[0]?.external.metric ?? {
        name: '',
        selector: null,
      }
      const [[label, value] = []] = Object.entries(selector?.matchLabels ?? {})
      assert.equal(health.status, 200)
      assert.match(text, new RegExp(`^${name}\\{${label}="${value}"\\} \\d+$`, 'm'))
    } finally {
      worker.child.kill('SIGTERM')
      await worker.ended
    }
  })

  it('sets variables that the worker or KEDA reads', async () => {
    const { Deployment, ScaledObject } = await manifests()
    const settings = await readFile(
      fileURLToPath(new URL('../../../../packages/jobs/lib/redis_settings.ts', import.meta.url)),
      'utf8',
    )
    const metadata = ScaledObject.spec.triggers[0]?.metadata ?? {}
    const asked = Object.entries(metadata).flatMap(([name, value]) => (name.endsWith('FromEnv') ? [value] : []))
    const set = Deployment.spec.template.spec.containers.flatMap(({ env }) => env.map(({ name }) => name))

    for (const name of asked) assert.ok(set.includes(name), name)
    for (const name of set) {
      assert.ok(name === 'OMP_NUM_THREADS' || asked.includes(name) || settings.includes(`\`${name}\``), name)
    }
  })
})
