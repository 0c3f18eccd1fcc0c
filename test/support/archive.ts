import { crc32, deflateRawSync } from 'node:zlib'

import { ByteWriter } from '../../lib/checkpoint/write/byte_writer.js'

/** An entry of {@link zip}, and the lies that it tells. */
export interface TestEntry {
  readonly name: string
  readonly data: Uint8Array | string
  readonly deflate?: boolean
  /** Fields of the directory that replace the true ones. */
  readonly size?: number
  readonly compressedSize?: number
  readonly offset?: number
  readonly method?: number
  readonly flags?: number
  /** Name in the local header. */
  readonly localName?: string
}

/** What of an archive is not as it should be. */
export interface TestArchive {
  readonly count?: number
  readonly directoryOffset?: number
  readonly directoryBytes?: number
  readonly trailing?: string
  readonly leading?: string
}

/** Builds a zip archive, right or wrong. It shares nothing with the writer of the package but a growing buffer. */
export function zip(entries: readonly TestEntry[], lies: TestArchive = {}): Uint8Array {
  const out = new ByteWriter()
  const directory = new ByteWriter()
  out.ascii(lies.leading ?? '')
  for (const entry of entries) {
    const data = typeof entry.data === 'string' ? Buffer.from(entry.data, 'latin1') : entry.data
    const stored = entry.deflate === true ? deflateRawSync(data) : data
    const offset = out.length
    const method = entry.method ?? (entry.deflate === true ? 8 : 0)
    const flags = entry.flags ?? 0
    const localName = entry.localName ?? entry.name
    out.uint32(0x04034b50).uint16(20).uint16(flags).uint16(method).uint32(0)
    out.uint32(crc32(data)).uint32(stored.length).uint32(data.length)
    out.uint16(localName.length).uint16(0).ascii(localName).bytes(stored)

    directory.uint32(0x02014b50).uint16(20).uint16(20).uint16(flags).uint16(method).uint32(0).uint32(crc32(data))
    directory.uint32(entry.compressedSize ?? stored.length).uint32(entry.size ?? data.length)
    directory.uint16(entry.name.length).uint16(0).uint16(0).uint16(0).uint16(0).uint32(0)
    directory.uint32(entry.offset ?? offset).ascii(entry.name)
  }
  const directoryOffset = out.length
  out.bytes(directory.toBytes())
  const count = lies.count ?? entries.length
  out.uint32(0x06054b50).uint16(0).uint16(0).uint16(count).uint16(count)
  out.uint32(lies.directoryBytes ?? directory.length).uint32(lies.directoryOffset ?? directoryOffset)
  out.uint16(0).ascii(lies.trailing ?? '')
  return out.toBytes().slice()
}

/** Builds a checkpoint of torch.save around a pickle. */
export function checkpointOf(
  pickle: Uint8Array | string,
  storages: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const data = Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, data: bytes }))
  return zip([
    { name: 'archive/data.pkl', data: pickle },
    { name: 'archive/byteorder', data: 'little' },
    ...data,
    { name: 'archive/version', data: '3\n' },
  ])
}
