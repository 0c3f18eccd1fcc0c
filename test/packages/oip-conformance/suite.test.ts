import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { MODEL, useServer } from '../../support/server.js'

interface Report {
  readonly model: string
  readonly rows: readonly { readonly name: string; readonly result: string; readonly detail: string }[]
}

const SCRIPT = fileURLToPath(new URL('../../../packages/oip-conformance/run.mjs', import.meta.url))

/** In a process of its own, with nothing of ours: as somebody else would run it. */
function runScript(args: readonly string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SCRIPT, ...args], { timeout: 60_000 })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, stdout, stderr }))
  })
}

describe('@napi-torch/oip-conformance', () => {
  const running = useServer({ grpc: true, grpcPort: 0 })

  it('passes every case of the protocol and its extensions', async () => {
    const { status, stdout, stderr } = await runScript([running().url, '--json'])

    assert.equal(stderr, '')
    const { model, rows } = JSON.parse(stdout) as Report
    assert.equal(model, MODEL)
    assert.deepEqual(
      rows.filter(({ result }) => result !== 'pass'),
      [],
    )
    assert.ok(rows.length > 50)
    assert.equal(status, 0)
  })

  it('passes every case of the protocol over gRPC', async () => {
    const { status, stdout, stderr } = await runScript([`grpc://${running().server.grpcAddress}`, '--json'])

    assert.equal(stderr, '')
    const { model, rows } = JSON.parse(stdout) as Report
    assert.equal(model, MODEL)
    assert.deepEqual(
      rows.filter(({ result }) => result !== 'pass'),
      [],
    )
    assert.ok(rows.length > 25)
    assert.equal(status, 0)
  })

  it('has the interface file of the server', async () => {
    const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8')

    assert.equal(
      await read('../../../packages/oip-conformance/inference.proto'),
      await read('../../../packages/server/proto/inference.proto'),
    )
  })

  it('prints a table', async () => {
    const { status, stdout } = await runScript([running().url, '--model', MODEL])

    assert.match(stdout, /^\| health \| GET v2\/health\/live answers 200 \| protocol \| pass \|$/m)
    assert.match(stdout, /^\d+ passed, 0 failed, 0 skipped$/m)
    assert.equal(status, 0)
  })

  it('ends with 2 where there is no server', async () => {
    const { status, stdout } = await runScript(['http://127.0.0.1:9', '--model', MODEL])

    assert.deepEqual({ status, stdout }, { status: 2, stdout: '' })
  })
})
