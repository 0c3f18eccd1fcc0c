import { fileURLToPath } from 'node:url'

import {
  ChannelCredentials,
  Client,
  Metadata,
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const PROTO_FOLDER = fileURLToPath(new URL('../../packages/server/proto/', import.meta.url))

const PACKAGES = loadSync(['inference.proto', 'health.proto'], {
  includeDirs: [PROTO_FOLDER],
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
})

/** Name of the service of the protocol. */
export const INFERENCE = 'inference.GRPCInferenceService'

/** Name of the health service. */
export const HEALTH = 'grpc.health.v1.Health'

interface Tensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
}

/** What a test reads of a response is in the message for which it asks. */
interface Response extends Readonly<Record<string, unknown>> {
  readonly id: string
  readonly model_name: string
  readonly model_version: string
  readonly extensions: readonly string[]
  readonly config: {
    readonly input: readonly { dims: unknown; data_type: unknown }[]
    readonly dynamic_batching: object
  }
  readonly model_stats: readonly { readonly inference_count: number }[]
  readonly models: readonly object[]
  readonly outputs: readonly Tensor[]
  readonly raw_output_contents: readonly Buffer[]
}

/** How a call has ended; the fields of a response, or none. */
export interface Ended {
  readonly code: number
  readonly details: string
  /** Code of the error of the server, where it is one. */
  readonly torch: string | undefined
  /** Has nothing where the call failed. */
  readonly response: Response
}

/** Options of {@link GrpcClient.call}. */
export interface GrpcCallOptions extends CallOptions {
  readonly service?: string
  readonly token?: string
  /** Is given a function that cancels the call. */
  readonly onCall?: (cancel: () => void) => void
}

/** A client of the services of a server. */
export class GrpcClient implements Disposable {
  readonly #client: Client

  constructor(address: string, credentials: ChannelCredentials = ChannelCredentials.createInsecure(), options = {}) {
    this.#client = new Client(address, credentials, options)
  }

  /** Calls a method that takes one message and gives one. Never rejects. */
  call(method: string, request: object, options: GrpcCallOptions = {}): Promise<Ended> {
    const { path, requestSerialize, responseDeserialize } = methodOf(options.service ?? INFERENCE, method)
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadataOf(options.token),
        options,
        (error: ServiceError | null, response) => resolve(error === null ? succeeded(response) : failed(error)),
      )
      options.onCall?.(() => call.cancel())
    })
  }

  /** Opens `ModelStreamInfer`. */
  stream(token?: string): ClientDuplexStream<object, unknown> {
    const { path, requestSerialize, responseDeserialize } = methodOf(INFERENCE, 'ModelStreamInfer')
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadataOf(token))
  }

  /** Watches the health of a service. */
  watch(service: string): ClientReadableStream<unknown> {
    const { path, requestSerialize, responseDeserialize } = methodOf(HEALTH, 'Watch')
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service })
  }

  /** Sends any bytes for a message. */
  raw(method: string, bytes: Buffer): Promise<Ended> {
    const { path, responseDeserialize } = methodOf(INFERENCE, method)
    return new Promise((resolve) => {
      const respond = (error: ServiceError | null, response: unknown): void =>
        resolve(error === null ? succeeded(response) : failed(error))
      this.#client.makeUnaryRequest(path, (sent: Buffer) => sent, responseDeserialize, bytes, respond)
    })
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

/** Encodes a message of a method of the service of the protocol. */
export function encode(method: string, message: object): Buffer {
  return methodOf(INFERENCE, method).requestSerialize(message)
}

/** Decodes a message of a method of the service of the protocol. */
export function decode(method: string, bytes: Buffer): object {
  return methodOf(INFERENCE, method).requestDeserialize(bytes)
}

function methodOf(service: string, method: string): MethodDefinition<object, unknown> {
  const found = (PACKAGES[service] as unknown as Record<string, MethodDefinition<object, unknown>>)[method]
  if (found === undefined) throw new TypeError(`There is no method ${method}`)
  return found
}

function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  return metadata
}

function succeeded(response: unknown): Ended {
  return { code: 0, details: '', torch: undefined, response: response as Response }
}

function failed({ code, details, metadata }: ServiceError): Ended {
  return { code, details, torch: metadata.get('torch-error-code')[0]?.toString(), response: {} as Response }
}
