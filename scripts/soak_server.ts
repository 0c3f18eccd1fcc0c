/**
 * Sends requests to a server and loads and unloads its model between them, and compares the memory of tensors and of the process
 * with what it was after the first round.
 *
 * npm run soak -- [--rounds 100] [--requests 100]
 */
import { parseArgs } from 'node:util'

import { memory } from 'napi-torch'
import { createServer } from '@napi-torch/server'

import { CHECKPOINT } from '../test/support/fashion_mnist.js'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, requests: { type: 'string', default: '100' } },
})
const [rounds, requests] = [Number(values.rounds), Number(values.requests)]
const NAME = 'model'
const SAMPLE = 3 * 28 * 28
const AT_A_TIME = 8

const models = [{ name: NAME, checkpoint: CHECKPOINT, preset: 'fashion-mnist' as const }]
const server = await createServer({ models, port: 0, repositoryControl: true, adminToken: 'admin' })
const url = await server.listen()
await server.ready()

async function post(path: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: 'Bearer admin' }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`)
}

async function round(): Promise<void> {
  const data = Array.from({ length: SAMPLE }, (_, index) => index % 2)
  const inputs = [{ name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], data }]
  let left = requests
  const client = async (): Promise<void> => {
    while (left-- > 0) await post(`/v2/models/${NAME}/infer`, { inputs })
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, client))
  for (const change of ['unload', 'load']) await post(`/v2/repository/models/${NAME}/${change}`, {})
}

const mebibytes = (): string => (process.memoryUsage.rss() / 2 ** 20).toFixed(0)
await round()
globalThis.gc?.()
const before = { ...memory(), rss: mebibytes() }
const began = performance.now()
for (let index = 0; index < rounds; index++) await round()
globalThis.gc?.()
const after = { ...memory(), rss: mebibytes() }
const seconds = (performance.now() - began) / 1000
await server.close()
console.log(`${rounds * requests} requests and ${rounds} rounds of unloading and loading in ${seconds.toFixed(0)} s`)
console.log(`before: ${before.tensors} tensors, ${before.bytes} bytes; ${before.rss} MiB resident`)
console.log(`after:  ${after.tensors} tensors, ${after.bytes} bytes; ${after.rss} MiB resident`)
if (after.tensors !== before.tensors || after.bytes !== before.bytes) process.exitCode = 1
