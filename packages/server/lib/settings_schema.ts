import { Type, type TSchema } from 'typebox'

import { MODEL, SERVER } from './settings.js'

/** Makes the JSON schema of the config file, for editors: settings and models, which are a list, or an object by their names. */
export function settingsSchema(): TSchema {
  const named = Type.Union([
    Type.String({ minLength: 1, description: 'path of the checkpoint' }),
    Type.Partial(Type.Omit(MODEL, ['name']), { additionalProperties: false, required: ['checkpoint'] }),
  ])
  const file = {
    $schema: Type.String({ description: 'address of this schema' }),
    ...Type.Omit(SERVER, ['models']).properties,
    models: Type.Union([Type.Array(MODEL), Type.Record(Type.String(), named)], {
      description: 'models to serve: a list, or a checkpoint for each name',
    }),
  }
  return Type.Partial(Type.Object(file), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of napi-torch serve',
    additionalProperties: false,
  })
}
