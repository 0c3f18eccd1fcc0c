import type { UntypedServiceImplementation } from '@grpc/grpc-js'

import { isUint8Array } from 'napi-torch/internal'
import type { ServerContext } from '../context.js'
import { modelConfiguration, modelMetadata, serverMetadata } from '../oip/metadata.js'
import { checkControl, loadModel, repositoryIndex, statisticsOf, unloadModel } from '../repository.js'
import type { ServedModel } from '../served_model.js'
import type { Calls } from './calls.js'
import { INFERENCE_SERVICE, type Definition } from './definition.js'
import { inferMessage } from './infer.js'
import { streamInfer } from './stream.js'
import { bytesUnary, unary, type Responder } from './unary.js'

interface Named {
  readonly name: string
  readonly version: string
}

interface RepositoryRequest {
  readonly repository_name: string
  readonly ready: boolean
  readonly model_name: string
  readonly parameters: object
}

/** The methods of the Open Inference Protocol v2 over gRPC, and of Triton's extensions. */
export function inferenceService(
  context: ServerContext,
  calls: Calls,
  definition: Definition,
): UntypedServiceImplementation {
  const { models } = context
  const find = (request: object): ServedModel => {
    const { name, version } = request as Named
    return models.find(name, wanted(version))
  }
  const answers: Readonly<Record<string, Responder>> = {
    ServerLive: () => ({ live: true }),
    ServerReady: () => ({ ready: context.isReady }),
    ModelReady: (request) => {
      find(request)
      context.checkOpen()
      return { ready: true }
    },
    ServerMetadata: () => serverMetadata(),
    ModelMetadata: (request) => {
      const model = find(request)
      return modelMetadata(model, models.versions(model.name))
    },
    ModelConfig: (request) => ({ config: modelConfiguration(find(request)) }),
    ModelStatistics: (request) => {
      const { name, version } = request as Named
      return statisticsOf(context, wanted(name), wanted(version))
    },
    RepositoryIndex: async (request) => ({
      models: await repositoryIndex(context, (request as RepositoryRequest).ready),
    }),
    RepositoryModelLoad: async (request) => {
      checkControl(context)
      const { model_name: model, parameters } = request as RepositoryRequest
      await loadModel(context, model, parameters)
      return {}
    },
    RepositoryModelUnload: async (request) => {
      checkControl(context)
      await unloadModel(context, (request as RepositoryRequest).model_name)
      return {}
    },
  }
  const handlers = Object.entries(answers).map(([method, answer]) => {
    return [method, unary({ calls, definition }, INFERENCE_SERVICE, method, answer)] as const
  })
  return {
    ...Object.fromEntries(handlers),
    ModelInfer: bytesUnary(calls, (bytes, call) => {
      if (!isUint8Array(bytes)) throw new TypeError('Expected the bytes of a message')
      return inferMessage(context, definition, { bytes: bytes as Buffer, call, exchange: call.exchange })
    }),
    ModelStreamInfer: streamInfer(context, calls, definition),
  }
}

/** An empty text means that nothing is said. */
function wanted(text: string): string | undefined {
  return text === '' ? undefined : text
}
