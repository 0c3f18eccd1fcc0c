import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type * as Hub from '@huggingface/hub'

import { writeAtomically } from '../util/atomic_file.js'
import { shorten } from '../util/check.js'
import { variablesFrom } from '../util/environment.js'
import { hasCode } from '../util/errno.js'
import { TorchError } from '../util/errors.js'
import { isError } from '../util/realm.js'
import { failure } from './failure.js'
import { readShardNames } from './safetensors/shards.js'

const SCHEME = 'hf://'

/** `hf://owner/name`, then `@` and a branch, tag or commit, then `/` and a file. A slash in a branch is written `%2F`. */
const ADDRESS = /^hf:\/\/([\w.-]+\/[\w.-]+)(?:@([^/]+))?(?:\/(.+))?$/

/** The name of a commit. What the hub says becomes a folder: it must be nothing else. */
const COMMIT = /^[0-9a-f]{40}$/

/** A part of a path that leads elsewhere. Backslashes part folders on Windows. */
const FOREIGN = /^\.{0,2}$|[\\:\0]/

/** What stands beside the weights: how the network is built, and how its images are prepared. */
const CONFIG_FILES = ['config.json', 'preprocessor_config.json']

/** Gives the weights among the names of a folder's files. */
type WeightsAmong = (names: readonly string[]) => string | undefined

type Library = typeof Hub

type FailAtAddress = (reason: string, cause?: unknown) => Error

/** A repository of models at one commit, or at what `revision` names. */
interface Repository {
  readonly library: Library
  readonly name: string
  readonly revision: string
  /** What all requests have in common. */
  readonly common: { readonly repo: string; readonly hubUrl?: string; readonly accessToken?: string }
  /** As Python's huggingface_hub names the folders of its cache. */
  readonly cache: string
}

/** Tells whether a path is the address of a repository of Hugging Face: `hf://owner/name`. */
export function isHubAddress(path: string): boolean {
  return path.startsWith(SCHEME)
}

/**
 * Gives the checkpoint at `hf://owner/name`, or `hf://owner/name@revision/file`, as a path: fetches it, and the configuration beside it,
 * into the cache that Python's `huggingface_hub` has too, unless it is there. Of the files of a repository only those are fetched that are
 * read. The package `@huggingface/hub` is needed.
 *
 * The variables of `huggingface_hub` count: `HF_TOKEN` for private repositories, `HF_ENDPOINT`, `HF_HOME` and `HF_HUB_CACHE`, and
 * `HF_HUB_OFFLINE=1`, with which nothing is fetched.
 *
 * @throws {CheckpointError} `TORCH_FILE` if there is no such repository, revision or file, or if it cannot be fetched.
 * @throws {TorchError} `TORCH_NOT_INSTALLED` without the package.
 */
export async function fetchFromHub(address: string, weightsAmong: WeightsAmong): Promise<string> {
  const fail: FailAtAddress = (reason, cause) => failure('TORCH_FILE', { path: address }, reason, cause)
  const [, name, encoded = 'main', file] = ADDRESS.exec(address) ?? []
  const revision = decoded(encoded)
  const names = [...(name ?? '').split('/'), ...(revision ?? '').split('/'), ...(file ?? 'file').split('/')]
  if (name === undefined || revision === undefined || names.some((each) => FOREIGN.test(each))) {
    throw fail('Is no address of a repository, expected hf://owner/name, or hf://owner/name@revision/file')
  }
  const repository = await open(name, revision)
  try {
    return await fetchFiles(repository, { wanted: file, weightsAmong, fail })
  } catch (error) {
    if (error instanceof TorchError) throw error
    throw fail(reasonOf(error), error)
  }
}

async function open(name: string, revision: string): Promise<Repository> {
  const library = await import('@huggingface/hub').catch((cause: unknown) => {
    if (!hasCode(cause, 'ERR_MODULE_NOT_FOUND')) throw cause
    const message = 'An address of Hugging Face needs the package @huggingface/hub: npm install @huggingface/hub'
    throw new TorchError('TORCH_NOT_INSTALLED', message, { cause })
  })
  const variables = variablesFrom('HF_')
  const [hubUrl, accessToken] = [variables.get('HF_ENDPOINT'), variables.get('HF_TOKEN')]
  const common = {
    repo: name,
    ...(hubUrl && { hubUrl: hubUrl.replace(/\/$/, '') }),
    ...(accessToken && { accessToken }),
  }
  const cache = join(library.getHFHubCachePath(), ['models', ...name.split('/')].join('--'))
  return { library, name, revision, common, cache }
}

async function fetchFiles(
  repository: Repository,
  {
    wanted,
    weightsAmong,
    fail,
  }: { readonly wanted: string | undefined; readonly weightsAmong: WeightsAmong; readonly fail: FailAtAddress },
): Promise<string> {
  const { library, revision, common, cache } = repository
  const commit = await commitOf(repository, fail)
  const folder = join(cache, 'snapshots', commit.id)
  if (!commit.isOnline) return wanted === undefined ? folder : join(folder, ...wanted.split('/'))
  const sizes = new Map<string, number>()
  for await (const { type, path, size } of library.listFiles({ ...common, revision: commit.id, recursive: true })) {
    if (type === 'file') sizes.set(path, size)
  }
  const get = async (path: string): Promise<string> => {
    const size = sizes.get(path)
    if (size === undefined) throw fail(`The repository has no file ${shorten(path)} at ${shorten(revision)}`)
    await download(repository, { commit: commit.id, path, size, folder })
    return join(folder, ...path.split('/'))
  }
  // They stand beside the weights, as a folder on the disk has them.
  const base = wanted?.includes('/') === true ? `${dirname(wanted)}/` : ''
  for (const config of CONFIG_FILES) if (sizes.has(base + config)) await get(base + config)
  const here = [...sizes.keys()].filter((path) => !path.includes('/') && !FOREIGN.test(path)).sort()
  const weights = wanted ?? weightsAmong(here)
  if (weights === undefined)
    throw fail(`Expected model.safetensors, pytorch_model.bin, or one .pth or .pt file, found ${listed(here)}`)
  const path = await get(weights)
  if (weights.endsWith('.index.json')) {
    for (const shard of await readShardNames(path)) await get(base + shard)
  }
  return path
}

/** The commit that the revision is; with `HF_HUB_OFFLINE`, the one that it was when the hub was asked last. */
async function commitOf(
  { library, revision, common, cache }: Repository,
  fail: FailAtAddress,
): Promise<{ readonly id: string; readonly isOnline: boolean }> {
  const file = join(cache, 'refs', ...revision.split('/'))
  const isOffline = /^(1|true|yes|on)$/i.test(variablesFrom('HF_').get('HF_HUB_OFFLINE') ?? '')
  if (isOffline) {
    const id = COMMIT.test(revision) ? revision : (await readFile(file, 'utf8').catch(() => '')).trim()
    if (!COMMIT.test(id)) throw fail('Is not in the cache, and HF_HUB_OFFLINE is set')
    return { id, isOnline: false }
  }
  const { sha } = await library.modelInfo({ ...common, name: common.repo, revision, additionalFields: ['sha'] })
  if (!COMMIT.test(sha)) throw fail('The hub does not say which commit the revision is')
  if (sha !== revision) {
    await mkdir(dirname(file), { recursive: true })
    await writeAtomically(file, (sink) => sink(Buffer.from(sha)))
  }
  return { id: sha, isOnline: true }
}

/** Writes a file of the repository into the snapshot, unless it is there. */
async function download(
  { library, common }: Repository,
  {
    commit,
    path,
    size,
    folder,
  }: { readonly commit: string; readonly path: string; readonly size: number; readonly folder: string },
): Promise<void> {
  const target = join(folder, ...path.split('/'))
  const there = await stat(target).catch(() => null)
  if (there?.size === size) return
  const blob = await library.downloadFile({ ...common, revision: commit, path })
  if (blob === null) throw new Error(`The hub does not give ${shorten(path)}`)
  await mkdir(dirname(target), { recursive: true })
  await writeAtomically(target, async (sink) => {
    for await (const bytes of blob.stream() as unknown as AsyncIterable<Uint8Array>) await sink(bytes)
  })
}

/** Why the hub did not answer as expected. */
function reasonOf(error: unknown): string {
  const status = isError(error) && 'statusCode' in error ? error.statusCode : undefined
  if (status === 401 || status === 403)
    return 'Is private, gated, or not there: set HF_TOKEN to a token that may read it'
  if (status === 404) return 'There is no such repository or revision'
  const cause = isError(error) && isError(error.cause) ? `: ${error.cause.message}` : ''
  return `Cannot be fetched: ${isError(error) ? shorten(error.message) : String(error)}${shorten(cause)}`
}

function listed(names: readonly string[]): string {
  return names.length === 0
    ? 'no files'
    : `${names
        .slice(0, 4)
        .map((name) => shorten(name, 60))
        .join(', ')}${names.length > 4 ? ', …' : ''}`
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
