import assert from 'node:assert/strict'
import { createReadStream, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Classifier, openModel, readCheckpoint } from 'napi-torch'

import { useTemporaryFolder } from '../support/folder.js'

/** Folders that timm and transformers wrote: each is a repository of the hub below. */
const FOLDERS = fileURLToPath(new URL('../fixtures/hub/', import.meta.url))
const PHOTO = fileURLToPath(new URL('../fixtures/vision/photo.jpg', import.meta.url))
const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const TOKEN = 'hf_of_a_test'

/** Answers as huggingface.co does, for the repositories of `owner` and for the private ones of `team`. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(request.url ?? '', 'http://hub').pathname)
  const refuse = (status: number, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{"error":"Refused"}')
  }
  const [, owner = '', name = '', rest = ''] = /^(?:\/api\/models)?\/([^/]+)\/([^/]+)\/(.*)$/.exec(path) ?? []
  if (owner === 'team' && request.headers.authorization !== `Bearer ${TOKEN}`) {
    refuse(401)
    return
  }
  const folder = join(FOLDERS, name)
  if (!existsSync(folder)) {
    refuse(404)
    return
  }
  if (path.startsWith('/api/')) {
    if (/^revision\/(main|refs\/pr\/1)$/.test(rest)) {
      return void response.end(
        JSON.stringify({
          _id: '1',
          id: `${owner}/${name}`,
          sha: name === 'timm-resnet50' ? '../../elsewhere' : COMMIT,
          likes: 0,
        }),
      )
    }
    if (rest !== `tree/${COMMIT}`) {
      refuse(404)
      return
    }
    const files = readdirSync(folder).map((file) => {
      return { type: 'file', path: file, size: statSync(join(folder, file)).size, oid: '1' }
    })
    return void response.end(JSON.stringify([...files, { type: 'file', path: 'README.md', size: 4, oid: '2' }]))
  }
  const file = join(folder, rest.replace(`resolve/${COMMIT}/`, ''))
  if (!existsSync(file)) {
    refuse(404, { 'x-error-code': 'EntryNotFound' })
    return
  }
  const { size } = statSync(file)
  const [, from = '0', to = String(size - 1)] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  const isPart = request.headers.range !== undefined
  response.writeHead(isPart ? 206 : 200, {
    etag: '"1"',
    'content-length': end - Number(from) + 1,
    ...(isPart && { 'content-range': `bytes ${from}-${end}/${size}` }),
  })
  createReadStream(file, { start: Number(from), end }).pipe(response)
}

describe('an address hf:// that is passed for a checkpoint', function () {
  this.timeout(60_000)
  const cache = useTemporaryFolder()
  const requests: string[] = []
  let server: Server
  let variables: Record<string, string | undefined>

  before(async () => {
    server = createServer((request, response) => {
      requests.push(request.url ?? '')
      answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  after(() => server.close())

  beforeEach(() => {
    variables = Object.fromEntries(
      ['HF_ENDPOINT', 'HF_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE'].map((name) => [name, process.env[name]]),
    )
    process.env['HF_ENDPOINT'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    process.env['HF_HUB_CACHE'] = cache()
    delete process.env['HF_TOKEN']
    delete process.env['HF_HUB_OFFLINE']
    requests.length = 0
  })
  afterEach(() => {
    for (const [name, value] of Object.entries(variables)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
    }
  })

  for (const name of ['timm-resnet18', 'transformers-resnet', 'timm-resnet18d']) {
    it(`gives the model, preset and labels of the folder: ${name}`, async () => {
      using expected = await openModel(join(FOLDERS, name))
      using opened = await openModel(`hf://owner/${name}`)

      assert.deepEqual(opened.architecture, expected.architecture)
      assert.deepEqual(opened.labels, expected.labels)
      assert.deepEqual(opened.preset, expected.preset)
      for (const [key, tensor] of expected.model.stateDict()) {
        assert.deepEqual(opened.model.stateDict().get(key)?.toArray(), tensor.toArray())
      }
      // Of what nothing reads, nothing is fetched.
      assert.ok(!requests.some((url) => url.includes('README')))
    })
  }

  it('is classified', async () => {
    await using classifier = await Classifier.load('hf://owner/timm-resnet18')

    assert.equal((await classifier.classify(PHOTO)).length, 5)
  })

  it('is fetched into the cache of huggingface_hub, once', async () => {
    const { path } = await readCheckpoint('hf://owner/transformers-resnet')
    const fetched = requests.filter((url) => url.includes('/resolve/'))
    requests.length = 0
    await readCheckpoint('hf://owner/transformers-resnet')

    assert.equal(
      path,
      join(cache(), 'models--owner--transformers-resnet', 'snapshots', COMMIT, 'model.safetensors.index.json'),
    )
    assert.equal(new Set(fetched.map((url) => url.split('/').at(-1))).size, 6)
    assert.deepEqual(
      requests.filter((url) => url.includes('/resolve/')),
      [],
    )
  })

  it('is not asked for with HF_HUB_OFFLINE', async () => {
    const { path } = await readCheckpoint('hf://owner/timm-resnet18')
    process.env['HF_HUB_OFFLINE'] = '1'
    requests.length = 0

    assert.equal((await readCheckpoint('hf://owner/timm-resnet18')).path, path)
    await assert.rejects(readCheckpoint('hf://owner/timm-vit'), {
      code: 'TORCH_FILE',
      message: 'hf://owner/timm-vit: Is not in the cache, and HF_HUB_OFFLINE is set',
    })
    assert.deepEqual(requests, [])
  })

  it('may name a revision and a file', async () => {
    const { path } = await readCheckpoint('hf://owner/timm-resnet18d@refs%2Fpr%2F1/pytorch_model.bin')

    assert.match(path ?? '', /pytorch_model\.bin$/)
    assert.ok(!requests.some((url) => url.endsWith('model.safetensors')))
  })

  it('fetches a file anew that is shorter than it should be', async () => {
    const { path } = await readCheckpoint('hf://owner/timm-resnet18')
    writeFileSync(path ?? '', 'cut')

    await readCheckpoint('hf://owner/timm-resnet18')
  })

  it('is read with HF_TOKEN where it is private', async () => {
    process.env['HF_TOKEN'] = TOKEN
    await readCheckpoint('hf://team/timm-resnet18')
  })

  const refused: readonly (readonly [address: string, message: RegExp])[] = [
    ['hf://team/timm-resnet18', /^hf:\/\/team\/timm-resnet18: Is private, gated, or not there: set HF_TOKEN/],
    ['hf://owner/nothing', /: There is no such repository or revision$/],
    ['hf://owner/timm-vit@old', /: There is no such repository or revision$/],
    [
      'hf://owner/timm-vit/other.bin',
      /: The repository has no file 'other\.bin' at 'main'$|: The repository has no file other\.bin at main$/,
    ],
    [
      'hf://owner',
      /: Is no address of a repository, expected hf:\/\/owner\/name, or hf:\/\/owner\/name@revision\/file$/,
    ],
    ['hf://owner/timm-resnet50', /: The hub does not say which commit the revision is$/],
    ['hf://owner/name/a\\b.pth', /: Is no address of a repository/],
    ['hf://owner/../x', /: Is no address of a repository/],
    ['hf://../name', /: Is no address of a repository/],
    ['hf://owner/name@..', /: Is no address of a repository/],
    ['hf://owner/name@%2E%2E', /: Is no address of a repository/],
    ['hf://owner/name@%', /: Is no address of a repository/],
    ['hf://owner/name/../../x', /: Is no address of a repository/],
  ]
  for (const [address, message] of refused) {
    it(`is refused: ${address}`, () => assert.rejects(readCheckpoint(address), { code: 'TORCH_FILE', message }))
  }

  it('says so where the hub cannot be reached', async () => {
    process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9'

    await assert.rejects(readCheckpoint('hf://owner/timm-vit'), {
      code: 'TORCH_FILE',
      message: /: Cannot be fetched: /,
    })
  })
})
