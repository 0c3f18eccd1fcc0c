import type { FolderVersion, SettledScan } from '../model_folder.js'
import type { ModelSettings } from '../settings.js'
import { errorOf, plainError, type PlainError } from './channel.js'

interface PlainVersion extends Pick<FolderVersion, 'name' | 'version' | 'fingerprint'> {
  readonly missing: string | null
  /** Its settings, or why there are none; null where they are not needed. */
  readonly settings: ModelSettings | { readonly error: PlainError } | null
}

/** The result of a scan of the watched folder that can be sent to another process. */
export interface PlainScan {
  readonly versions: readonly PlainVersion[]
  /** Indices of `versions`, in the order of each list. */
  readonly lists: Readonly<Record<'chosen' | 'fallbacks' | 'settled', readonly number[]>>
}

/** Reads the settings of the versions that may be loaded. */
export async function plainScan({ versions, chosen, fallbacks, settled }: SettledScan): Promise<PlainScan> {
  const indicesOf = (list: readonly FolderVersion[]): number[] => list.map((version) => versions.indexOf(version))
  const plain = versions.map(async (found): Promise<PlainVersion> => {
    const { name, version, fingerprint } = found
    if (!settled.includes(found)) return { name, version, fingerprint, missing: null, settings: null }
    const settings = await found.settings().catch((error: unknown) => ({ error: plainError(error) }))
    return { name, version, fingerprint, missing: await found.missing(), settings }
  })
  return {
    versions: await Promise.all(plain),
    lists: { chosen: indicesOf(chosen), fallbacks: indicesOf(fallbacks), settled: indicesOf(settled) },
  }
}

/** Makes a scan again of what was sent. */
export function scanOf({ versions, lists }: PlainScan): SettledScan {
  const all = versions.map(({ settings, missing, ...found }): FolderVersion => {
    const read = (): Promise<ModelSettings> => {
      if (settings !== null && !('error' in settings)) return Promise.resolve(settings)
      return Promise.reject(settings === null ? new TypeError('The settings were not sent') : errorOf(settings.error))
    }
    return { ...found, settings: read, missing: () => Promise.resolve(missing) }
  })
  const listOf = (indices: readonly number[]): FolderVersion[] => indices.flatMap((index) => all[index] ?? [])
  const { chosen, fallbacks, settled } = lists
  return { versions: all, chosen: listOf(chosen), fallbacks: listOf(fallbacks), settled: listOf(settled) }
}
