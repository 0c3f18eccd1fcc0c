import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

import { packageFacts } from 'napi-torch/internal'
import { completeBodies, namedSchemas } from './route_schema.js'
import { validatorOf } from './validate_query.js'

/**
 * Lets the routes that are registered later be described and validated by their schemas. The document is what `app.swagger()`
 * gives.
 */
export function describeApi(app: FastifyInstance, { isTokenRequired }: { readonly isTokenRequired: boolean }): void {
  for (const schema of namedSchemas()) app.addSchema(schema)
  app.setValidatorCompiler(validatorOf)
  // Responses go out as they are: a schema describes them, and takes no field away.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'napi-torch',
        version: packageFacts().version,
        description: 'PyTorch image classifiers over the Open Inference Protocol v2, with Triton’s extensions.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      ...(isTokenRequired
        ? {
            components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
            security: [{ bearer: [] }],
          }
        : {}),
    },
    convertConstToEnum: false,
    transformObject: (document) => {
      if (!('openapiObject' in document)) throw new TypeError('Expected an OpenAPI document')
      completeBodies(document.openapiObject.paths ?? {})
      return document.openapiObject
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, index) => (typeof $id === 'string' ? $id : `schema-${index}`),
    },
  })
}
