// What `@napi-torch/server` exports: a server of models over HTTP.

export { createServer, InferenceServer } from './server.js'
export type { CloseOptions, ServerOptions } from './server.js'
export { checkSettings } from './check_settings.js'
export type { Origin } from './check_settings.js'
export type { LogLevel, ModelSettings, PartialSettings, Settings } from './settings.js'
export type { IndexEntry, ModelState } from './registry.js'
