import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'

import type { Image } from 'napi-torch'

/** What Pillow and torchvision make of an image file; bytes stand as their SHA-256. */
export interface ImageFacts {
  /** Pillow's mode of the file. */
  readonly mode: string
  readonly size: readonly [width: number, height: number]
  readonly rgb: string
  /** After `ImageOps.exif_transpose`. */
  readonly upright: { readonly size: readonly [width: number, height: number]; readonly rgb: string }
  /** After Resize(256) and CenterCrop(224). */
  readonly cropped: string
  readonly imagenet: string
  readonly cifar: string
  readonly fashionMnist: string
}

/** What Pillow's resize makes of {@link noise} with seed 1. */
export interface ResizeFacts {
  readonly from: readonly [height: number, width: number, channels: number]
  readonly to: readonly [height: number, width: number]
  readonly filter: 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos'
  readonly box: readonly [number, number, number, number] | null
  readonly bytes: string
}

/** What torchvision's pad makes of RGB {@link noise} with seed 2. */
export interface PadFacts {
  readonly from: readonly [height: number, width: number]
  readonly padding: number | readonly [number, number] | readonly [number, number, number, number]
  readonly fill: number | readonly number[]
  readonly mode: 'constant' | 'edge' | 'reflect' | 'symmetric'
  readonly bytes: string
}

interface Expected {
  readonly images: Readonly<Record<string, ImageFacts>>
  readonly resize: readonly ResizeFacts[]
  readonly pad: readonly PadFacts[]
}

const FOLDER = new URL('../fixtures/vision/', import.meta.url)

/** The path of an image that scripts/make_image_fixtures.py wrote. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(name, FOLDER))
}

/** Reads what scripts/make_image_fixtures.py wrote beside the images. */
export function expectedOfPython(): Expected {
  return JSON.parse(readFileSync(new URL('expected.json', FOLDER), 'utf8')) as Expected
}

/** Makes bytes without a pattern: those of `noise` in scripts/make_image_fixtures.py. */
export function noise(count: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(count)
  for (let index = 0; index < count; index++) {
    const h = (Math.imul(index, 0x9e3779b1) + seed) >>> 0
    bytes[index] = Math.imul(h ^ (h >>> 15), 0x85ebca6b) >>> 24
  }
  return bytes
}

/** Makes an image of {@link noise}. */
export function noiseImage(height: number, width: number, channels: 1 | 3 = 3, seed = 2): Image {
  return { data: noise(height * width * channels, seed), height, width, channels }
}

/** The SHA-256 of the bytes of an array. */
export function digest({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
}

/** A new PNG file: its header claims this size, its data are those of nothing. */
export function hollowPng(width: number, height: number): Buffer {
  return png(width, height, Buffer.alloc(0))
}

/** A new RGB PNG file of this size, black. */
export function paintedPng(width: number, height: number): Buffer {
  return png(width, height, Buffer.alloc(height * (1 + width * 3)))
}

function png(width: number, height: number, rows: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2], 8)
  const chunks = [pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(rows)), pngChunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks])
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  return Buffer.concat([length, body, sum])
}

// zlib.crc32 is too new for the types of Node 20.
function crc32(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ -1) >>> 0
}
