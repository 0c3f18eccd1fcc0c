import { fileURLToPath } from 'node:url'

const PROTO = fileURLToPath(new URL('inference.proto', import.meta.url))

/** Calls the server under test over gRPC; every answer comes with its status. */
export class GrpcClient {
  #client

  constructor(client, { token, timeoutMs = 30_000, grpc }) {
    this.#client = client
    this.grpc = grpc
    this.token = token
    this.timeoutMs = timeoutMs
  }

  /** `address` is a host and a port. The packages of gRPC are loaded only here: REST needs none. */
  static async open(address, options = {}) {
    const { default: grpc } = await import('@grpc/grpc-js')
    const { loadSync } = await import('@grpc/proto-loader')
    const definition = loadSync(PROTO, { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true })
    const { GRPCInferenceService } = grpc.loadPackageDefinition(definition).inference
    const client = new GRPCInferenceService(address, grpc.credentials.createInsecure())
    return new GrpcClient(client, { ...options, grpc })
  }

  /** Calls a method with one message. Never rejects. */
  call(method, request) {
    return new Promise((resolve) => {
      const deadline = Date.now() + this.timeoutMs
      this.#client[method](request, this.#metadata(), { deadline }, (error, response) => {
        resolve(error === null ? { code: 0, details: '', response } : { code: error.code, details: error.details })
      })
    })
  }

  /** Sends all requests over one stream, and gives its responses. */
  stream(requests) {
    return new Promise((resolve, reject) => {
      const responses = []
      const stream = this.#client.ModelStreamInfer(this.#metadata(), { deadline: Date.now() + this.timeoutMs })
      stream.on('data', (response) => responses.push(response))
      stream.on('error', reject)
      stream.on('end', () => resolve(responses))
      for (const request of requests) stream.write(request)
      stream.end()
    })
  }

  close() {
    this.#client.close()
  }

  #metadata() {
    const metadata = new this.grpc.Metadata()
    if (this.token !== undefined) metadata.set('authorization', `Bearer ${this.token}`)
    return metadata
  }
}
