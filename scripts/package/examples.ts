// Runs the examples of the checkout in a folder where the packed packages are installed, as their pages say.

import { spawn, spawnSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from './files.js'

/** Photos and an image that {@link IMAGE_PROGRAM} has written. */
const [PHOTOS, IMAGE] = ['photos', 'boot.png']
const CHECKPOINT = 'node_modules/@napi-torch/fashion-mnist/resnet18-fashion-mnist.pth'
const TIMEOUT_MS = 60_000

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

/** Copies the examples into a project. */
export function copyExamples(project: string): void {
  for (const name of Object.keys(EXAMPLES)) {
    cpSync(join(ROOT, 'examples', name), join(project, 'examples', name), { recursive: true })
  }
}

function run(name: string, args: readonly string[], { node, project, env }: Place): string {
  const file = join('examples', name, 'main.js')
  const { status, stdout, stderr } = spawnSync(node, [file, ...args], {
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
