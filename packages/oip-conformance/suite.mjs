import { CASES } from './cases.mjs'
import { Client } from './client.mjs'
import { runGrpcSuite } from './grpc_suite.mjs'
import { resultOf } from './result.mjs'
import { isKnown, makeTensor } from './tensors.mjs'

/** Extensions that servers have without naming them. */
const UNNAMED = new Set(['compression'])

/** What the address of a server begins with that is asked over gRPC. */
const GRPC = 'grpc://'

/**
 * Runs all cases against a server and gives a row for each: section, name, result (pass, fail, skip), and why.
 *
 * The model is described by its metadata, so that any will do whose inputs are numbers.
 */
export async function runSuite(url, { model, token, timeoutMs } = {}) {
  if (url.startsWith(GRPC)) return runGrpcSuite(url.slice(GRPC.length).replace(/\/+$/, ''), { model, token, timeoutMs })
  const client = new Client(url, { token, timeoutMs })
  const name = model ?? (await firstModel(client))
  const path = `/v2/models/${encodeURIComponent(name)}`
  const { status, json: metadata } = await client.get(path)
  if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${metadata?.error ?? 'no error text'}`)
  const { inputs = [], outputs = [], versions = [] } = metadata
  const strange = inputs.find(({ datatype }) => !isKnown(datatype))
  if (strange !== undefined)
    throw new Error(`The input ${strange.name} is ${strange.datatype}: take a model with numbers`)
  const { json: server } = await client.get('/v2')
  const extensions = new Set((server?.extensions ?? []).map((extension) => extension.replace(/\(.*$/, '')))
  const tensors = inputs.map((input) => makeTensor(input))
  const target = { client, model: name, path, inferPath: `${path}/infer`, inputs, outputs, versions, tensors }

  const rows = []
  for (const { section, name: what, extension, needs, run } of CASES) {
    const missing =
      extension === undefined || UNNAMED.has(extension) || extensions.has(extension) ? null : `no ${extension}`
    const reason = missing ?? needs?.(target) ?? null
    const row = { section, name: what, isRequired: extension === undefined }
    if (reason !== null) rows.push({ ...row, result: 'skip', detail: reason })
    else rows.push({ ...row, ...(await resultOf(() => run(target))) })
  }
  return { server: `${server?.name} ${server?.version}`, model: name, rows }
}

async function firstModel(client) {
  const { json } = await client.request('POST', '/v2/repository/index')
  const found = Array.isArray(json) ? json.find(({ state = 'READY' }) => state === 'READY') : undefined
  if (found === undefined) throw new Error('The server does not list its models: name one with --model')
  return found.name
}

/** Lays the rows out as a table of Markdown. */
export function tableOf(rows) {
  const cells = rows.map(({ section, name, isRequired, result, detail }) => [
    section,
    name,
    isRequired ? 'protocol' : 'extension',
    detail === '' ? result : `${result}: ${detail.replaceAll('|', '\\|')}`,
  ])
  const lines = [['section', 'case', 'part of', 'result'], ['---', '---', '---', '---'], ...cells]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}
