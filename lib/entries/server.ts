// What `napi-torch/server` exports: models behind HTTP.

export { createServer, InferenceServer } from '../server/server.js'
export type { CloseOptions, ServerOptions } from '../server/server.js'
export { checkSettings } from '../server/settings.js'
export type { LogLevel, ModelSettings, PartialSettings, Settings } from '../server/settings.js'
export type { IndexEntry, ModelState } from '../server/registry.js'
