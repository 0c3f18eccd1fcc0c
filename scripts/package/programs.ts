// What a user of the installed packages writes, in each kind of program: it classifies the first test image of the sample
// model and prints the class and its logit.

const SETUP = `
const folder = dirname(createRequire(import.meta.url).resolve('@napi-torch/fashion-mnist/package.json'))
const dataset = await IdxDataset.open(folder)
const { image, label } = await dataset.get(0)
const input = await presets.fashionMnist().apply(image)
`
const BODY = `${SETUP}
const state = await loadCheckpoint(join(folder, 'resnet18-fashion-mnist.pth'))
const model = createModel(detectArchitecture(state)).eval()
model.loadStateDict(state)
const output = scope(() => model.forward(input.unsqueeze(0)))
const logits = [...output.toFloat32Array()]
const answer = logits.indexOf(Math.max(...logits))
`
const NAMES = 'createModel, detectArchitecture, IdxDataset, loadCheckpoint, presets, scope'
const NODE_IMPORTS = `import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
`
const PRINT = `console.log(JSON.stringify({ answer, label, logit: logits[answer] }))\n`

/** The files of the programs, by name. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  'esm.mjs': `${NODE_IMPORTS}import { ${NAMES} } from 'napi-torch'\n${BODY}${PRINT}`,

  'subpaths.mjs': `${NODE_IMPORTS}import { scope } from 'napi-torch'
import { createModel, detectArchitecture } from 'napi-torch/models'
import { loadCheckpoint } from 'napi-torch/checkpoint'
import { IdxDataset, presets } from 'napi-torch/vision'
import { compile } from 'napi-torch/engine'
import { Module } from 'napi-torch/nn'
${BODY}if (typeof compile !== 'function' || !(model instanceof Module)) throw new Error('The sub-paths do not fit together')
${PRINT}`,

  'cjs.cjs': `const { createRequire } = require('node:module')
const { dirname, join } = require('node:path')
const { ${NAMES} } = require('napi-torch')
void (async () => {${BODY.replaceAll('import.meta.url', '__filename')}${PRINT}})()
`,

  'stack.mjs': `import { loadCheckpoint } from 'napi-torch/checkpoint'

async function openOwnModel() {
  const state = await loadCheckpoint('no-such-file.pth')
  return state
}

await openOwnModel()
`,

  'worker.mjs': `import { Worker } from 'node:worker_threads'
const workers = [0, 1].map(() => new Worker(new URL('./esm.mjs', import.meta.url), { stdout: true }))
const texts = await Promise.all(workers.map(async (worker) => {
  let text = ''
  for await (const part of worker.stdout) text += part
  return text
}))
if (texts[0] !== texts[1]) throw new Error(\`Two workers differ: \${texts.join(' ')}\`)
process.stdout.write(texts[0])
`,

  'server.mjs': serverProgram([]),

  'server_workers.mjs': serverProgram(['--workers', '2']),

  'jobs.mjs': `import { spawnSync } from 'node:child_process'
import { merge, status, submit, work } from '@napi-torch/jobs'
if ([merge, status, submit, work].some((name) => typeof name !== 'function')) throw new Error('An export is missing')
const args = ['node_modules/napi-torch/dist/cli/main.js', 'jobs', '--help']
const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
if (!stdout.includes('submit')) throw new Error('The command has no help')
await import('./esm.mjs')
`,

  'types_packages.mts': `import { createServer, type InferenceServer } from '@napi-torch/server'
import { submit } from '@napi-torch/jobs'
export const server: Promise<InferenceServer> = createServer({ models: { resnet18: 'resnet18.pth' } })
export const send: unknown = submit
// @ts-expect-error: a port is a number.
void createServer({ port: '8000' })
`,

  'types.mts': `import { loadCheckpoint, resnet18, type Tensor } from 'napi-torch'
import { Conv2d, functional } from 'napi-torch/nn'
export const shape: readonly number[] = new Conv2d(3, 16, 3).weight.shape
export const load: (path: string) => Promise<ReadonlyMap<string, Tensor>> = loadCheckpoint
export const relu: Tensor = functional.relu(resnet18().forward({} as Tensor))
// @ts-expect-error: a string is no number of channels.
new Conv2d('3', 16, 3)
`,
}

/** What each must print: the first test image is an ankle boot. */
export interface Answer {
  readonly answer: number
  readonly label: number
  readonly logit: number
}

/** What npx runs is the command of the main package, which loads the one of the server. */
function serverProgram(args: readonly string[]): string {
  return `${NODE_IMPORTS}import { spawn } from 'node:child_process'
import { IdxDataset, presets } from 'napi-torch'
import { createServer } from '@napi-torch/server'
${SETUP}if (typeof createServer !== 'function') throw new Error('@napi-torch/server has no createServer')
const args = ['node_modules/napi-torch/dist/cli/main.js', 'serve', '--demo', '--port', '0', ...${JSON.stringify(args)}]
const server = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
process.once('exit', () => server.kill())
let said = ''
await new Promise((resolve, reject) => {
  server.once('exit', () => reject(new Error('The server ended: ' + said)))
  server.stderr.setEncoding('utf8').on('data', (part) => {
    said += part
    if (/^models: .*\\n/m.test(said)) resolve()
  })
})
const [, url] = /(http:\\S+)/.exec(said)
const [, model] = /^models: (\\S+)/m.exec(said)
const page = await fetch(url)
const document = await page.text()
if (!page.ok || !document.includes('script.js')) throw new Error('The page is answered with ' + page.status)
async function infer(count) {
  const data = Array.from({ length: count }, () => [...input.toFloat32Array()]).flat()
  const tensor = { name: 'input', datatype: 'FP32', shape: [count, ...input.shape], data }
  const body = JSON.stringify({ inputs: [tensor], outputs: [{ name: 'logits' }] })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url + '/v2/models/' + model + '/infer', { method: 'POST', headers, body })
  const { outputs, error } = await response.json()
  if (!response.ok) throw new Error(count + ' images are answered with ' + response.status + ': ' + error)
  return outputs[0].data
}
const logits = await infer(1)
const answer = logits.indexOf(Math.max(...logits))
// A large body is parsed on a thread.
const many = await infer(60)
if (many.length !== 600) throw new Error('60 images are answered with ' + many.length + ' numbers')
server.kill('SIGTERM')
const code = await new Promise((resolve) => server.once('exit', resolve))
if (code !== 0) throw new Error('The server ends with ' + code)
${PRINT}`
}
