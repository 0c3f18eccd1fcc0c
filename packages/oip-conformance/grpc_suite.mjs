import { GRPC_CASES } from './grpc_cases.mjs'
import { GrpcClient } from './grpc_client.mjs'
import { resultOf } from './result.mjs'
import { isKnown, makeTensor } from './tensors.mjs'

/** Runs all cases of gRPC against an address, such as `127.0.0.1:8001`, and gives what `runSuite` gives. */
export async function runGrpcSuite(address, { model, token, timeoutMs } = {}) {
  const client = await GrpcClient.open(address, { token, timeoutMs })
  try {
    const name = model ?? (await firstModel(client))
    const { inputs, outputs, versions } = await ask(client, 'ModelMetadata', { name })
    const strange = inputs.find(({ datatype }) => !isKnown(datatype))
    if (strange !== undefined)
      throw new Error(`The input ${strange.name} is ${strange.datatype}: take a model with numbers`)
    const server = await ask(client, 'ServerMetadata', {})
    const target = { client, model: name, inputs, outputs, versions, tensors: inputs.map((input) => makeTensor(input)) }
    const rows = []
    for (const { section, name: what, needs, isMissing, isRequired, run } of GRPC_CASES) {
      const reason = needs?.(target) ?? (await isMissing(target))
      const row = { section, name: what, isRequired }
      if (reason !== null) rows.push({ ...row, result: 'skip', detail: reason })
      else rows.push({ ...row, ...(await resultOf(() => run(target))) })
    }
    return { server: `${server.name} ${server.version}`, model: name, rows }
  } finally {
    client.close()
  }
}

async function ask(client, method, request) {
  const { code, details, response } = await client.call(method, request)
  if (code !== 0) throw new Error(`${method} answered with status ${code}: ${details}`)
  return response
}

async function firstModel(client) {
  const { models } = await ask(client, 'RepositoryIndex', {})
  const found = models.find(({ state }) => state === 'READY' || state === '')
  if (found === undefined) throw new Error('The server lists no model that is ready: name one with --model')
  return found.name
}
