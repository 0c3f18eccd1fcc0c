import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { ChannelCredentials, loadPackageDefinition, status as Status, type Client } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

import { HEALTH, INFERENCE } from '../../../support/grpc.js'
import { useServer } from '../../../support/server.js'

const PACKAGE = dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json'))

interface Reply {
  readonly list_services_response: { readonly service: readonly { readonly name: string }[] } | null
  readonly file_descriptor_response: { readonly file_descriptor_proto: readonly Buffer[] } | null
  readonly error_response: { readonly error_code: number; readonly error_message: string } | null
}

interface ReflectionClient extends Client {
  ServerReflectionInfo(): NodeJS.ReadWriteStream & { write(request: object): boolean; cancel(): void }
}

for (const version of ['v1', 'v1alpha']) {
  describe(`reflection ${version} of a server over gRPC`, function () {
    this.timeout(60_000)
    const running = useServer({ grpc: true, grpcPort: 0 })
    let client: ReflectionClient

    before(() => {
      const file = join(PACKAGE, 'build/proto/grpc/reflection', version, 'reflection.proto')
      const loaded = loadPackageDefinition(loadSync(file, { keepCase: true, oneofs: true, defaults: true }))
      const service = ['grpc', 'reflection', version, 'ServerReflection'].reduce<unknown>(
        (found, name) => Reflect.get(found as object, name) as unknown,
        loaded,
      ) as new (address: string, credentials: ChannelCredentials) => ReflectionClient
      client = new service(running().server.grpcAddress ?? '', ChannelCredentials.createInsecure())
    })
    after(() => client.close())

    async function ask(request: object): Promise<Reply> {
      const stream = client.ServerReflectionInfo()
      stream.write({ host: '', ...request })
      const reply = await new Promise<Reply>((resolve, reject) => {
        stream.once('data', resolve)
        stream.once('error', reject)
      })
      stream.once('error', () => undefined)
      stream.end()
      return reply
    }

    it('lists the services', async () => {
      const { list_services_response: list } = await ask({ list_services: '' })

      const names = list?.service.map(({ name }) => name) ?? []
      for (const name of [INFERENCE, HEALTH]) assert.ok(names.includes(name), `${name} in ${names.join()}`)
    })

    for (const [symbol, content] of [
      [INFERENCE, 'ModelStreamInfer'],
      [`${INFERENCE}.ModelInfer`, 'ModelInferRequest'],
      ['inference.ModelInferRequest.InferInputTensor', 'raw_input_contents'],
      [HEALTH, 'HealthCheckRequest'],
    ] as const) {
      it(`gives the file that contains ${symbol}`, async () => {
        const { file_descriptor_response: files } = await ask({ file_containing_symbol: symbol })

        assert.ok(files?.file_descriptor_proto.some((file) => file.includes(content)))
      })
    }

    it('answers NOT_FOUND for a symbol that it does not know, and goes on', async () => {
      const { error_response: error } = await ask({ file_containing_symbol: 'inference.Nothing' })

      assert.equal(error?.error_code, Status.NOT_FOUND)
      assert.match(error.error_message, /inference\.Nothing/)
      assert.notEqual((await ask({ list_services: '' })).list_services_response, null)
    })
  })
}
