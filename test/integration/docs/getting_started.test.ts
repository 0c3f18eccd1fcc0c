import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { manualSeed, resnet18, saveCheckpoint, scope } from 'napi-torch'

import { napiTorch } from '../../support/cli.js'
import { useTemporaryFolder } from '../../support/folder.js'
import { ServeProcess } from '../../support/serve_process.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PAGE = readFileSync(join(ROOT, 'docs', 'getting_started.md'), 'utf8')
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/** `dist` is what users import; where it may be out of date, the sources are. */
const FLAGS = process.env['NAPI_TORCH_TEST_COMPILED'] === '1' ? [] : ['--conditions=napi-torch-source', '--import', TSX]

/** Blocks of the page in a language, in order. */
function blocks(language: string): readonly string[] {
  return [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code)
}

/** Arguments of the commands `npx napi-torch …` of the page. */
const COMMANDS = blocks('sh').flatMap((block) =>
  [...block.matchAll(/^npx napi-torch (.+)$/gm)].map(([, args = '']) => args),
)

function block(language: string, part: string): string {
  const found = blocks(language).filter((code) => code.includes(part))
  assert.equal(found.length, 1, `${found.length} blocks have ${part}`)
  return found[0] ?? ''
}

describe('docs/getting_started.md', function () {
  this.timeout(60_000)
  const folder = useTemporaryFolder()

  /** What `npm install` does, without the network. */
  beforeEach(() => {
    mkdirSync(join(folder(), 'node_modules', '@napi-torch'), { recursive: true })
    symlinkSync(ROOT, join(folder(), 'node_modules', 'napi-torch'))
    symlinkSync(join(ROOT, 'models', 'fashion-mnist'), join(folder(), 'node_modules', '@napi-torch', 'fashion-mnist'))
    writeFileSync(join(folder(), 'package.json'), '{ "type": "module" }')
    copyFileSync(join(ROOT, 'test', 'fixtures', 'vision', '444.jpg'), join(folder(), 'dog.jpg'))
  })

  /** Runs a block of the page as the file of that name. */
  function runFile(name: string, part: string): string {
    writeFileSync(join(folder(), name), block('js', part))
    const { status, stdout, stderr } = spawnSync(process.execPath, [...FLAGS, name], {
      cwd: folder(),
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    return stdout
  }

  /** The checkpoint of the page, with other weights. */
  async function saveResNet(): Promise<string> {
    const path = join(folder(), 'resnet18.pth')
    await scope(async () => {
      manualSeed(0)
      await saveCheckpoint(path, resnet18().stateDict())
    })
    return path
  }

  // `doctor` and `verify` take long: test/cli/doctor.test.ts and test/cli/verify/ run them.
  it('names these commands, of which most are run below', () => {
    assert.deepEqual(COMMANDS, [
      'doctor',
      'demo --images 200',
      'inspect resnet18.pth',
      'classify resnet18.pth dog.jpg --labels imagenet',
      'verify resnet18.pth',
      'serve --model resnet18=resnet18.pth',
    ])
  })

  it('gets the first label, which is that of the image', () => {
    const printed = runFile('first.js', 'IdxDataset')

    assert.match(printed, /label: 'Ankle boot'[\s\S]*} Ankle boot\n$/)
  })

  it('runs the demo', async () => {
    const { status, stdout } = await napiTorch(['demo', '--images', '200'], { cwd: folder() })

    assert.equal(status, 0)
    assert.match(stdout, /200/)
  })

  it('inspects and classifies with a checkpoint of torchvision', async () => {
    await saveResNet()

    const inspected = await napiTorch(['inspect', 'resnet18.pth'], { cwd: folder() })
    const classified = await napiTorch(['classify', 'resnet18.pth', 'dog.jpg', '--labels', 'imagenet'], {
      cwd: folder(),
    })

    assert.match(inspected.stdout, /resnet18/)
    assert.deepEqual([inspected.status, classified.status], [0, 0])
  })

  it('classifies in a program', async () => {
    await saveResNet()

    const printed = runFile('classify.js', "'resnet18.pth'")

    assert.match(printed, /^(?:.+ 0\.\d{3}\n){3}$/)
  })

  it('serves, and answers the request of curl', async () => {
    const server = await ServeProcess.start(['--model', `resnet18=${await saveResNet()}`])
    try {
      const path = /http:\/\/127\.0\.0\.1:8000(\/v1\S+)/.exec(PAGE)?.[1] ?? ''
      const headers = { 'Content-Type': 'image/jpeg' }
      const body = readFileSync(join(folder(), 'dog.jpg'))

      const response = await fetch(server.url + path, { method: 'POST', headers, body })

      assert.equal(response.status, 200)
    } finally {
      assert.equal(await server.end(), 0)
    }
  })
})
