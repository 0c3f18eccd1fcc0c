import { quote } from '../../util/check.js'
import { failure } from '../failure.js'
import type { ByteSource } from '../source.js'
import { readEntry, type ZipEntry } from './archive.js'

/** What an archive is that torch.save did not write. */
export type ArchiveKind = { readonly inner: ZipEntry } | { readonly says: string }

/** Ends of the names of checkpoints. */
const CHECKPOINT = /\.(?:pth|pt|ckpt|bin|safetensors|pth\.tar)$/i

/** Of the manifest of an archive of TorchServe. */
const MAX_MANIFEST_BYTES = 65_536

/** Names that a message lists. */
const MAX_SHOWN = 6

const INTO_STATE_DICT = `in Python, torch.save(model.state_dict(), 'model.pth')`

/** Tells what an archive is by the names in it, or which of its entries is the checkpoint. Undefined for one of torch.save. */
export async function readKind(source: ByteSource, entries: readonly ZipEntry[]): Promise<ArchiveKind | undefined> {
  const files = entries.filter(({ name }) => !name.endsWith('/') && !name.startsWith('__MACOSX/'))
  const has = (pattern: RegExp): boolean => files.some(({ name }) => pattern.test(name))
  if (has(/^[^/]+\/data\.pkl$/)) return undefined
  const manifest = files.find(({ name }) => name === 'MAR-INF/MANIFEST.json')
  if (manifest !== undefined) return readServed(source, manifest, files)
  if (has(/(?:^|\/)models\/[^/]*\.json$|^serialized_exported_program\.json$|\/archive_format$|^archive_format$/)) {
    return {
      says: `it is a program of torch.export (.pt2) of another form than PyTorch 2.13 writes it: from before, or compiled by AOTInductor; export it again, or, ${INTO_STATE_DICT}`,
    }
  }
  if (has(/\/\.data\/extern_modules$|^\.data\/extern_modules$/)) {
    return { says: `it is a package of torch.package, whose code is not run; ${INTO_STATE_DICT}` }
  }
  if (files.length > 0 && files.every(({ name }) => name.endsWith('.npy'))) {
    return {
      says: `it is a .npz of numpy; in Python, torch.save({k: torch.from_numpy(v) for k, v in numpy.load('FILE').items()}, 'model.pth')`,
    }
  }
  if (has(/^model\.weights\.h5$/)) return { says: 'it is a model of Keras; this package reads models of PyTorch' }
  const inside = files.filter(({ name }) => CHECKPOINT.test(name))
  const [inner, ...others] = inside
  if (inner !== undefined && others.length === 0) return { inner }
  if (inner === undefined) return undefined
  return { says: `it is a zip archive of ${inside.length} checkpoints (${list(inside)}); unpack it and choose one` }
}

async function readServed(source: ByteSource, manifest: ZipEntry, files: readonly ZipEntry[]): Promise<ArchiveKind> {
  let name: unknown
  if (manifest.size <= MAX_MANIFEST_BYTES) {
    try {
      const json: unknown = JSON.parse(Buffer.from(await readEntry(source, manifest)).toString('utf8'))
      const model: unknown = typeof json === 'object' && json !== null && 'model' in json ? json.model : undefined
      if (typeof model === 'object' && model !== null && 'serializedFile' in model) name = model.serializedFile
    } catch (cause) {
      throw failure('TORCH_CHECKPOINT_CORRUPT', { path: source.path, entry: manifest.name }, 'Is not valid JSON', cause)
    }
  }
  const inner = files.find((file) => file.name === name)
  if (inner !== undefined) return { inner }
  return { says: `it is an archive of TorchServe without its weights (it holds ${list(files)})` }
}

function list(files: readonly ZipEntry[]): string {
  const names = files.slice(0, MAX_SHOWN).map(({ name }) => quote(name.slice(0, 60)))
  return names.join(', ') + (files.length > MAX_SHOWN ? ', …' : '')
}
