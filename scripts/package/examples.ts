// Runs the examples of the checkout in a folder where the packed packages are installed, as their pages say.

import { spawn, spawnSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from './files.js'

/** Photos and an image that {@link IMAGE_PROGRAM} has written. */
const [PHOTOS, IMAGE] = ['photos', 'boot.png']
const CHECKPOINT = 'node_modules/@napi-torch/fashion-mnist/resnet18-fashion-mnist.pth'
const TIMEOUT_MS = 60_000

/** What examples need beside the packages of this project: Express, and its reader of forms. Next.js is too large to be installed for a test. */
export const EXAMPLE_PACKAGES = packagesOf('upload_express')

interface Place {
  readonly node: string
  readonly project: string
  readonly env: NodeJS.ProcessEnv
}

/** Each example, and what is wrong with what it does, or null. */
export const EXAMPLES: Readonly<Record<string, (place: Place) => string | null | Promise<string | null>>> = {
  batch_folder(place) {
    const said = run('batch_folder', [PHOTOS, 'labels.jsonl'], place)
    const rows = readFileSync(join(place.project, 'labels.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { label?: string }) // prettier-ignore
    const labels = new Set(rows.map(({ label }) => label))
    return labels.has('Ankle boot') && said.includes(`${rows.length} images labeled, 0 not read`) ? null : said
  },

  similar_images(place) {
    const said = run('similar_images', [PHOTOS, IMAGE], place)
    return /^1\.000 photos.boots.0\.png\n(0\.\d{3} photos.boots.\d+\.png\n){4}$/.test(said) ? null : said
  },

  upload_fastify(place) {
    return withServer([join('examples', 'upload_fastify', 'main.js')], /Listening at (\S+)/, place, async (url) => {
      const headers = { 'Content-Type': 'image/png' }
      const post = (body: Uint8Array): Promise<Response> => fetch(`${url}/classify`, { method: 'POST', headers, body })
      const good = await post(readFileSync(join(place.project, IMAGE)))
      const bad = await post(Buffer.from('no image'))
      const text = await good.text()
      return good.status === 200 && text.includes('"Ankle boot"') && bad.status === 400 ? null : `${text} ${bad.status}`
    })
  },

  upload_express(place) {
    return withServer([join('examples', 'upload_express', 'main.js')], /Listening at (\S+)/, place, async (url) => {
      const post = async (...files: readonly Buffer[]): Promise<readonly [status: number, text: string]> => {
        const body = new FormData()
        for (const file of files) body.append('images', new Blob([new Uint8Array(file)]), 'image')
        const response = await fetch(`${url}/classify`, { method: 'POST', body })
        return [response.status, await response.text()]
      }
      const image = readFileSync(join(place.project, IMAGE))
      const good = await post(image, image)
      const bad = await Promise.all([post(Buffer.from('no image')), post(Buffer.alloc(10_000_001)), post(...Array<Buffer>(9).fill(image))]) // prettier-ignore
      const statuses = [good, ...bad].map(([status]) => status).join()
      const labels = good[1].match(/"Ankle boot"/g)?.length
      return statuses === '200,400,413,400' && labels === 2 ? null : `${statuses} ${good[1]}`
    })
  },

  next_route_handler(place) {
    const said = evaluate(NEXT_PROGRAM, place)
    return said === '200 Ankle boot, 400 TORCH_IMAGE, 400\n' ? null : said
  },

  lambda_container(place) {
    const said = evaluate(LAMBDA_PROGRAM, place)
    return said === '200 Ankle boot, 400, 504\n' ? null : said
  },

  oip_client(place) {
    const main = join('node_modules', 'napi-torch', 'dist', 'cli', 'main.js')
    const args = [main, 'serve', '--model', `boots=${CHECKPOINT}`, '--port', '0', '--no-page']
    return withServer(args, /(http:\S+) {2}ready after/, place, (url) => {
      const said = run('oip_client', [url, 'boots'], place)
      const [json, binary] = [...said.matchAll(/element (\d)$/gm)].map(([, element]) => element)
      return json !== undefined && json === binary ? null : said
    })
  },
}

/** Calls the handler as Next.js does. */
const NEXT_PROGRAM = `
import { readFileSync } from 'node:fs'
import { POST } from './examples/next_route_handler/app/api/classify/route.js'

async function post(name, ...content) {
  const body = new FormData()
  body.append(name, new File(content, 'image.png'))
  const response = await POST(new Request('http://localhost/api/classify', { method: 'POST', body }))
  return [response.status, await response.json()]
}

const [good, [{ label }]] = await post('image', readFileSync('${IMAGE}'))
const [bad, { error }] = await post('image', 'no image')
const [none] = await post('other')
console.log(\`\${good} \${label}, \${bad} \${/image/.test(error) ? 'TORCH_IMAGE' : error}, \${none}\`)`

/** Calls the handler with events as Lambda sends them: bodies that are not text are in base64. */
const LAMBDA_PROGRAM = `
import { readFileSync } from 'node:fs'
import { handler } from './examples/lambda_container/handler.js'

const call = (bytes, ms) =>
  handler({ body: bytes.toString('base64'), isBase64Encoded: true }, { getRemainingTimeInMillis: () => ms })
const image = readFileSync('${IMAGE}')
const good = await call(image, 10_000)
const [{ label }] = JSON.parse(good.body)
const bad = await call(Buffer.from('no image'), 10_000)
const late = await call(image, 0)
console.log(\`\${good.statusCode} \${label}, \${bad.statusCode}, \${late.statusCode}\`)`

/** Copies the examples into a project. */
export function copyExamples(project: string): void {
  for (const name of Object.keys(EXAMPLES)) {
    cpSync(join(ROOT, 'examples', name), join(project, 'examples', name), { recursive: true })
  }
}

/** Dependencies of an example that are not of this project. */
function packagesOf(name: string): Readonly<Record<string, string>> {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'examples', name, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  return Object.fromEntries(Object.entries(dependencies).filter(([dependency]) => !dependency.includes('napi-torch')))
}

function run(name: string, args: readonly string[], place: Place): string {
  return runNode([join('examples', name, 'main.js'), ...args], place)
}

function evaluate(program: string, place: Place): string {
  return runNode(['--input-type=module', '-e', program], place)
}

function runNode(args: readonly string[], { node, project, env }: Place): string {
  const { status, stdout, stderr } = spawnSync(node, args, {
    cwd: project,
    env,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  })
  return status === 0 ? stdout : `ended with ${status}: ${stderr}`
}

/** Starts a program that says its address, and gives what is wrong with its answers or its end. */
async function withServer(
  args: readonly string[],
  address: RegExp,
  { node, project, env }: Place,
  ask: (url: string) => string | null | Promise<string | null>,
): Promise<string | null> {
  const child = spawn(node, args, { cwd: project, env: { ...env, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const url = await new Promise<string | null>((resolve) => {
    const look = (text: Buffer): void => {
      said += text.toString()
      const [, found] = address.exec(said) ?? []
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    void ended.then(() => resolve(null))
    setTimeout(resolve, TIMEOUT_MS, null).unref()
  })
  try {
    if (url === null) return said
    const fault = await ask(url)
    child.kill('SIGTERM')
    const status = await ended
    return fault ?? (status === 0 ? null : `ended with ${status}: ${said}`)
  } finally {
    child.kill('SIGKILL')
  }
}
