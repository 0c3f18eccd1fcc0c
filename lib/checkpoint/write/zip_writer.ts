import { crc32 } from 'node:zlib'

import type { Sink } from '../../util/atomic_file.js'
import { ByteWriter } from './byte_writer.js'

const LOCAL_HEADER = 0x04034b50
const LOCAL_HEADER_BYTES = 30
const DESCRIPTOR = 0x08074b50
const DIRECTORY_HEADER = 0x02014b50
const END = 0x06054b50
const END_64 = 0x06064b50
const END_64_BYTES = 56
const LOCATOR_64 = 0x07064b50
const EXTRA_64 = 0x0001
const MAX_16 = 0xffff
const MAX_32 = 0xffffffff
/** Sizes and CRC follow the data, and names are UTF-8. */
const FLAGS = 0x0808
const VERSION_64 = 45
/** Unix, version 3.0 of the format: what PyTorch says. */
const MADE_BY = 0x031e
/** `FB`: the extra field with which PyTorch pads, and what it pads with. */
const PADDING = 0x4246
const PADDING_BYTE = 0x5a

/** Bytes in a file at which data begins at a multiple of this can be mapped for every dtype; PyTorch's value. */
export const ALIGNMENT = 64

/**
 * Writes a zip archive as PyTorch does: entries stored, data aligned, no times, so that the same entries give the same
 * bytes. Sizes and offsets beyond 4 GiB are written in 64 bits.
 */
export class ZipWriter {
  readonly #sink: Sink
  readonly #directory = new ByteWriter()
  #position = 0
  #count = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Writes an entry of exactly `size` bytes and gives its CRC-32. */
  async add(name: string, size: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    const offset = this.#position
    const rawName = Buffer.from(name, 'utf8')
    await this.#write(this.#localHeader(rawName, size))
    let crc = 0
    let written = 0
    for await (const chunk of chunks) {
      crc = crc32(chunk, crc)
      written += chunk.length
      await this.#write(chunk)
    }
    if (written !== size) throw new RangeError(`Entry ${name} has ${written} bytes, expected ${size}`)
    const descriptor = new ByteWriter().uint32(DESCRIPTOR).uint32(crc)
    if (size >= MAX_32) descriptor.uint64(size).uint64(size)
    else descriptor.uint32(size).uint32(size)
    await this.#write(descriptor.toBytes())
    this.#addToDirectory(rawName, size, offset, crc)
    return crc
  }

  /** Writes the directory. The 64-bit records are always there, as PyTorch writes them. */
  async finish(): Promise<void> {
    const offset = this.#position
    const directory = this.#directory.toBytes()
    await this.#write(directory)
    const end64 = this.#position
    const end = new ByteWriter()
    end.uint32(END_64).uint64(END_64_BYTES - 12)
    // Versions, disks.
    end.uint16(MADE_BY).uint16(VERSION_64).uint32(0).uint32(0)
    end.uint64(this.#count).uint64(this.#count).uint64(directory.length).uint64(offset)
    end.uint32(LOCATOR_64).uint32(0).uint64(end64).uint32(1)
    const count = Math.min(this.#count, MAX_16)
    end.uint32(END).uint16(0).uint16(0).uint16(count).uint16(count)
    end.uint32(Math.min(directory.length, MAX_32)).uint32(Math.min(offset, MAX_32)).uint16(0)
    await this.#write(end.toBytes())
  }

  #localHeader(rawName: Uint8Array, size: number): Uint8Array {
    const isLarge = size >= MAX_32
    const wide = new ByteWriter()
    if (isLarge) wide.uint16(EXTRA_64).uint16(16).uint64(size).uint64(size)
    const start = this.#position + LOCAL_HEADER_BYTES + rawName.length + wide.length + 4
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT
    const header = new ByteWriter()
    header
      .uint32(LOCAL_HEADER)
      .uint16(isLarge ? VERSION_64 : 0)
      .uint16(FLAGS)
      .uint16(0)
      .uint32(0)
    const size32 = isLarge ? MAX_32 : 0
    header
      .uint32(0)
      .uint32(size32)
      .uint32(size32)
      .uint16(rawName.length)
      .uint16(wide.length + 4 + padding)
    header.bytes(rawName).bytes(wide.toBytes())
    header.uint16(PADDING).uint16(padding).bytes(new Uint8Array(padding).fill(PADDING_BYTE))
    return header.toBytes()
  }

  #addToDirectory(rawName: Uint8Array, size: number, offset: number, crc: number): void {
    const values = new ByteWriter()
    if (size >= MAX_32) values.uint64(size).uint64(size)
    if (offset >= MAX_32) values.uint64(offset)
    const wide = new ByteWriter()
    if (values.length > 0) wide.uint16(EXTRA_64).uint16(values.length).bytes(values.toBytes())
    const size32 = Math.min(size, MAX_32)
    this.#directory
      .uint32(DIRECTORY_HEADER)
      .uint16(0)
      .uint16(wide.length > 0 ? VERSION_64 : 0)
      .uint16(FLAGS)
    this.#directory.uint16(0).uint32(0).uint32(crc).uint32(size32).uint32(size32)
    this.#directory.uint16(rawName.length).uint16(wide.length).uint16(0).uint16(0).uint16(0).uint32(0)
    this.#directory.uint32(Math.min(offset, MAX_32)).bytes(rawName).bytes(wide.toBytes())
    this.#count++
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#position += bytes.length
    await this.#sink(bytes)
  }
}
