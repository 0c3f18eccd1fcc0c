import { defineCommand, type Option } from 'napi-torch/internal/cli'

import {
  FILE_SETTINGS,
  flagOf,
  parseSetting,
  SETTING_NAMES,
  settingFacts,
  variableOf,
  type SettingName,
} from '../setting_names.js'

/** Headings of the help. */
const ADDRESS = 'Address'
const COMPUTATION = 'Computation'
const LIMITS = 'Limits'
const TIMES = 'Times'
const ACCESS = 'Access'
const OPERATION = 'Operation'

const GROUPS: Readonly<Record<SettingName, string>> = {
  host: ADDRESS,
  port: ADDRESS,
  grpc: ADDRESS,
  grpcPort: ADDRESS,
  tlsCert: ADDRESS,
  tlsKey: ADDRESS,
  maxBatchSize: COMPUTATION,
  maxDelayMs: COMPUTATION,
  dtype: COMPUTATION,
  weights: COMPUTATION,
  winogradTile: COMPUTATION,
  device: COMPUTATION,
  threads: COMPUTATION,
  workers: COMPUTATION,
  cacheBytes: COMPUTATION,
  maxQueueSize: LIMITS,
  maxQueueBytes: LIMITS,
  maxSamples: LIMITS,
  maxPixels: LIMITS,
  maxBodyBytes: LIMITS,
  maxJsonBytes: LIMITS,
  maxBytesInFlight: LIMITS,
  maxClientShare: LIMITS,
  keptBodyBytes: LIMITS,
  minBodyBytesPerSecond: LIMITS,
  busyBodyBytesPerSecond: LIMITS,
  maxDiscardBytes: LIMITS,
  maxConnections: LIMITS,
  grpcMaxCalls: LIMITS,
  maxHeaderBytes: LIMITS,
  deadlineMs: TIMES,
  headerTimeoutMs: TIMES,
  requestTimeoutMs: TIMES,
  idleTimeoutMs: TIMES,
  discardMs: TIMES,
  graceMs: TIMES,
  drainDelayMs: TIMES,
  token: ACCESS,
  tokenFile: ACCESS,
  adminToken: ACCESS,
  repositoryControl: ACCESS,
  rateLimit: ACCESS,
  rateBurst: ACCESS,
  maxAuthFailures: ACCESS,
  trustProxy: ACCESS,
  corsOrigins: ACCESS,
  page: OPERATION,
  watchMs: OPERATION,
  modelsFolder: OPERATION,
  modelsFolderMs: OPERATION,
  versionPolicy: OPERATION,
  otlpEndpoint: OPERATION,
  traceRatio: OPERATION,
  maxTraceSpans: LIMITS,
  logLevel: OPERATION,
}

export const command = defineCommand({
  name: 'serve',
  description: 'Serves models over HTTP: the Open Inference Protocol v2, images, metrics, and a page to try them.',
  options: {
    model: {
      value: '<name=checkpoint>',
      description: 'model to serve, or name@version=checkpoint; may be repeated',
      isRepeatable: true,
    },
    config: {
      value: '<file>',
      description: 'settings and models in YAML or JSON (default: server.yaml, if it exists)',
    },
    demo: { description: 'serve the sample model' },
    check: { description: 'check the settings and checkpoints without serving them' },
    printConfig: { description: 'print the effective settings, without secrets, instead of serving' },
    printSchema: { description: 'print the JSON schema of the config file, for editors' },
    ...settingOptions(),
  },
  notes: `Every setting is also an environment variable, such as ${variableOf('maxBatchSize')}, and a name in the
config file, such as maxBatchSize. Options take precedence over variables, and variables over the file. Pass tokens
in variables or with --token-file: other users of this machine can read the command line.`,
  examples: [
    'napi-torch serve --demo',
    'napi-torch serve --model resnet18=resnet18-f37072fd.pth --port 8080',
    'napi-torch serve --config server.yaml --check',
    'napi-torch serve --print-schema > server.schema.json',
  ],
  // Its help needs no web framework.
  run: async (_args, flags, context) => (await import('./serve.js')).serve(flags, context),
})

/** The options that follow from the table of settings. */
function settingOptions(): Readonly<Record<SettingName, Option>> {
  const entries = SETTING_NAMES.map((name) => [name, settingOption(name)] as const)
  return Object.fromEntries(entries) as Record<SettingName, Option>
}

function settingOption(name: SettingName): Option {
  const { type, default: usual, description, choices } = settingFacts(name)
  const group = GROUPS[name]
  if (type === 'boolean')
    return usual === true ? { negation: `turn off: ${description}`, group } : { description, group }
  // Not the default of the option, which would take precedence over the variables and the file.
  const shown = usual === '' ? description : `${description} (default: ${usual})`
  const option = { value: placeholderOf(name, type), description: shown, group }
  if (type === 'string' && choices !== null) return { ...option, choices: choices.map(String) }
  const flag = `--${flagOf(name)}`
  return { ...option, type: { expected: `a value for ${flag}`, parse: (text) => parseSetting(name, text, flag) } }
}

function placeholderOf(name: SettingName, type: 'integer' | 'number' | 'string'): string {
  if (type !== 'string') return '<n>'
  if (!FILE_SETTINGS.includes(name)) return '<value>'
  return name === 'modelsFolder' ? '<folder>' : '<file>'
}
