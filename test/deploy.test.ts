import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { parse, parseAllDocuments } from 'yaml'

import { variableOf, SETTING_NAMES } from '../packages/server/lib/setting_names.js'
import { checkSettings } from '../packages/server/lib/check_settings.js'
import { useServer } from './support/server.js'

type Json = Readonly<Record<string, never>>

function read(path: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../deploy/${path}`, import.meta.url)), 'utf8')
}

async function documents(path: string): Promise<Record<string, Json>> {
  const all = parseAllDocuments(await read(path), { uniqueKeys: true })
  for (const { errors } of all) assert.deepEqual(errors, [])
  return Object.fromEntries(all.map((document) => [String(document.get('kind')), document.toJS() as Json]))
}

/** All strings in a value, however deep. */
function* stringsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null)
    for (const entry of Object.values(value)) yield* stringsOf(entry)
}

interface Container {
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string }[]
  readonly ports: readonly { readonly containerPort: number }[]
  readonly securityContext: Json
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string | number } }
}

describe('deploy/', () => {
  const running = useServer()

  it('asks for metrics that there are', async () => {
    const text = await (await fetch(`${running().url}/metrics`)).text()
    const known = new Set(Array.from(text.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name]) => name))
    const files = await Promise.all(['compose/grafana/dashboards/napi-torch.json', 'kubernetes/server.yaml'].map(read))

    const used = files.flatMap((file) => file.match(/\b(?:napi_torch|process)_\w+/g) ?? [])

    assert.ok(used.length > 10)
    for (const name of used) assert.ok(known.has(name) || known.has(name.replace(/_(?:bucket|sum|count)$/, '')), name)
  })

  it('sets variables that there are, and a config that can be used', async () => {
    const variables = new Set([...SETTING_NAMES, 'models'].map(variableOf))
    const paths = ['docker/Dockerfile', 'compose/compose.yaml', 'kubernetes/server.yaml', 'kserve/runtime.yaml']
    for (const path of paths) {
      for (const name of (await read(path)).match(/NAPI_TORCH_SERVE_\w+/g) ?? []) assert.ok(variables.has(name), name)
    }
    const { ConfigMap } = await documents('kubernetes/server.yaml')
    const { data } = ConfigMap as unknown as { data: { 'server.yaml': string } }

    const { host, drainDelayMs, graceMs } = checkSettings(parse(data['server.yaml']))

    assert.equal(host, '0.0.0.0')
    const { Deployment } = await documents('kubernetes/server.yaml')
    const { spec } = (
      Deployment as unknown as { spec: { template: { spec: { terminationGracePeriodSeconds: number } } } }
    ).spec.template
    assert.ok(1000 * spec.terminationGracePeriodSeconds > drainDelayMs + graceMs)
  })

  it('probes addresses that answer, at ports that are open, as a user who is not root', async () => {
    const { Deployment } = await documents('kubernetes/server.yaml')
    const { ServingRuntime } = await documents('kserve/runtime.yaml')
    const pod = (
      Deployment as unknown as { spec: { template: { spec: { containers: Container[]; securityContext: Json } } } }
    ).spec.template.spec
    const runtime = (ServingRuntime as unknown as { spec: { containers: Container[] } }).spec
    const containers = [...pod.containers, ...runtime.containers]

    for (const container of containers) {
      const probes = Object.entries(container).filter(([name]) => name.endsWith('Probe'))
      assert.ok(probes.length >= 2)
      for (const [, { httpGet }] of probes as [string, Container[`${string}Probe`]][]) {
        assert.equal((await fetch(running().url + httpGet.path)).status, 200)
        assert.ok(
          httpGet.port === 'http' || container.ports.some(({ containerPort }) => containerPort === httpGet.port),
        )
      }
      const { readOnlyRootFilesystem, allowPrivilegeEscalation } = container.securityContext
      assert.deepEqual([readOnlyRootFilesystem, allowPrivilegeEscalation], [true, false])
    }
    assert.equal(pod.securityContext['runAsNonRoot'], true)
    assert.match(await read('docker/Dockerfile'), /^USER node$/m)
  })

  it('installs the packages whose commands it runs', async () => {
    const image = await read('docker/Dockerfile')

    for (const name of ['napi-torch', '@napi-torch/server', '@napi-torch/jobs']) {
      assert.ok(image.includes(`"${name}@\${NAPI_TORCH_VERSION}"`), name)
    }
  })

  it('can be read as YAML and JSON, and names no latest image', async () => {
    const paths = [
      'compose/compose.yaml',
      'compose/prometheus.yaml',
      'kubernetes/server.yaml',
      'kubernetes/monitor.yaml',
      'kubernetes/jobs.yaml',
      'kubernetes/jobs-hpa.yaml',
      'kserve/runtime.yaml',
    ]
    for (const path of paths) {
      const strings = [...stringsOf(parseAllDocuments(await read(path)).map((document) => document.toJS() as unknown))]
      assert.ok(!strings.some((text) => text.endsWith(':latest')), path)
    }
    const { panels } = JSON.parse(await read('compose/grafana/dashboards/napi-torch.json')) as {
      panels: readonly unknown[]
    }
    assert.ok(panels.length >= 8)
  })
})
