import { fileURLToPath } from 'node:url'

import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type { PackageDefinition } from '@grpc/proto-loader'

import { isError, isUint8Array } from 'napi-torch/internal'
import { badRequest, tooLarge } from '../status.js'
import { protoLoader } from './library.js'

const PROTO_FOLDER = fileURLToPath(new URL('../../proto/', import.meta.url))

/** Name of the service of the Open Inference Protocol v2. */
export const INFERENCE_SERVICE = 'inference.GRPCInferenceService'

/** Name of the service that orchestrators ask. */
export const HEALTH_SERVICE = 'grpc.health.v1.Health'

/** Bytes of a message without tensors: far more than names need, and too few to take long. */
const MAX_PLAIN_BYTES = 2 ** 16

/** The messages and services of `proto/`. */
export class Definition {
  readonly packages: PackageDefinition = protoLoader().loadSync(['inference.proto', 'health.proto'], {
    includeDirs: [PROTO_FOLDER],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  })

  /** A service whose requests come as bytes, so that their memory can be counted before they are decoded. */
  serviceOf(name: string): ServiceDefinition {
    const methods = Object.entries(this.#service(name)).map(([method, definition]) => {
      return [method, { ...definition, requestDeserialize: (bytes: Buffer) => bytes }] as const
    })
    return Object.fromEntries(methods)
  }

  /** Decodes the request of a method. @throws {TorchError} `TORCH_REQUEST`, `TORCH_TOO_LARGE` */
  decode(service: string, method: string, bytes: unknown, maxBytes = MAX_PLAIN_BYTES): object {
    const definition = this.#service(service)[method]
    if (!isUint8Array(bytes) || definition === undefined) throw new TypeError(`Expected bytes for ${method}`)
    if (bytes.length > maxBytes) {
      throw tooLarge(`Expected at most ${maxBytes} bytes in a message of ${method}, received ${bytes.length}`)
    }
    try {
      return definition.requestDeserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as object
    } catch (cause) {
      const reason = isError(cause) ? cause.message : String(cause)
      throw badRequest(`The message of ${method} cannot be decoded: ${reason}`, cause)
    }
  }

  #service(name: string): Readonly<Record<string, MethodDefinition<unknown, unknown>>> {
    return this.packages[name] as unknown as Readonly<Record<string, MethodDefinition<unknown, unknown>>>
  }
}
