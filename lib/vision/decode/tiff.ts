import { native, type NativeLayout, type NativeTiff } from '../../libtorch/binding.js'
import { refusal, truncated, type DecodeFile, type ImageHeader } from './format.js'
import { rowsOfLibvips } from './memory.js'
import { orient } from './pixels.js'
import { decodeWithSharp } from './sharp.js'
import { readDirectory, type TiffDirectory } from './tiff_directory.js'
import { CMYK, layoutOf, PALETTE, RGB, YCBCR, type TiffPixels } from './tiff_layout.js'

const TAGS = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripCounts: 279,
  planar: 284,
  predictor: 317,
  palette: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileCounts: 325,
  extra: 338,
  sampleFormat: 339,
} as const

/** The compressions that this package unpacks itself. */
const COMPRESSIONS: Readonly<Record<number, NativeTiff['compression']>> = {
  1: 'none',
  5: 'lzw',
  8: 'deflate',
  32773: 'packbits',
  32946: 'deflate',
}
const JPEG = 7
/** Group 3 and 4 of facsimile machines. */
const CCITT: readonly number[] = [2, 3, 4]
/** Names of compressions that are not read, for messages. */
const REFUSED: Readonly<Record<number, string>> = {
  6: 'old-style JPEG',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
}

const SEPARATE = 2
const DIFFERENCES = 2

/** How much more than it holds may be unpacked, counting blocks that lie over each other or reach beyond the image. */
const MAX_OVERLAP = 4

interface Blocks {
  readonly width: number
  readonly height: number
  readonly tiled: boolean
  readonly offsets: readonly number[]
  readonly counts: readonly number[]
}

interface Tiff {
  readonly width: number
  readonly height: number
  readonly compression: number
  /** Blocks of how many samples there are: 1 where samples lie side by side. */
  readonly planes: number
  readonly predictor: number
  readonly orientation: number
  readonly pixels: TiffPixels
  readonly blocks: Blocks
}

/** Reads the first directory of a TIFF file. */
export function readTiffHeader(bytes: Buffer): ImageHeader {
  const tiff = readTiff(readDirectory(bytes))
  const { width, height, compression, blocks } = tiff
  checkBlocks(bytes, tiff)
  const known = COMPRESSIONS[compression]
  if (known !== undefined) {
    // To be turned, the image is copied.
    const held = { row: 0, pixel: tiff.orientation === 1 ? 0 : 3 }
    return { width, height, held, decode: decoderOf(tiff, known) }
  }
  checkForSharp(bytes, tiff)
  const samples = tiff.pixels.samples
  return {
    width,
    height,
    // libvips holds two rows of blocks.
    held: { row: rowsOfLibvips(samples) + 2 * samples * Math.min(blocks.height, height), pixel: 0 },
    // Pillow turns a TIFF by itself.
    decode: (file) => decodeWithSharp(file, true, { space: tiff.pixels.photometric === CMYK ? 'cmyk' : 'rgb' }),
  }
}

function readTiff({ bigEndian, fields }: TiffDirectory): Tiff {
  const first = (tag: number, otherwise: number): number => fields.get(tag)?.[0] ?? otherwise
  const [width, height] = [first(TAGS.width, 0), first(TAGS.height, 0)]
  const planar = first(TAGS.planar, 1) === SEPARATE
  const orientation = first(TAGS.orientation, 1)
  return {
    width,
    height,
    compression: first(TAGS.compression, 1),
    planes: planar ? (fields.get(TAGS.samples)?.[0] ?? 1) : 1,
    predictor: first(TAGS.predictor, 1),
    orientation: orientation >= 1 && orientation <= 8 ? orientation : 1,
    pixels: readPixels(bigEndian, fields, planar),
    blocks: readBlocks(fields, width, height),
  }
}

function readPixels(bigEndian: boolean, fields: TiffDirectory['fields'], planar: boolean): TiffPixels {
  const list = (tag: number, otherwise: readonly number[]): readonly number[] => fields.get(tag) ?? otherwise
  const samples = list(TAGS.samples, [1])[0] ?? 1
  if (samples < 1 || samples > 6) throw refusal(`It has ${samples} samples for each pixel, expected 1 to 6`)
  const bits = list(TAGS.bits, [1]).slice(0, samples)
  if (bits.length !== samples && bits.length !== 1) throw refusal(`It has ${bits.length} depths of ${samples} samples`)
  const formats = list(TAGS.sampleFormat, [1])
  if (new Set(bits).size > 1 || new Set(formats).size > 1) throw refusal('It has samples of several kinds')
  const extra = list(TAGS.extra, [])
  // Pillow drops what lies in blocks of its own and means nothing.
  const dropped = planar && extra.length > 0 && extra.every((kind) => kind === 0) ? extra.length : 0
  return {
    bigEndian,
    photometric: list(TAGS.photometric, [0])[0] ?? 0,
    sampleFormat: formats[0] ?? 1,
    reversedBits: list(TAGS.fillOrder, [1])[0] === 2,
    bits: bits[0] ?? 1,
    samples: samples - dropped,
    extra: dropped > 0 ? [] : extra,
    palette: list(TAGS.palette, []),
  }
}

function readBlocks(fields: TiffDirectory['fields'], width: number, height: number): Blocks {
  const list = (tag: number): readonly number[] => fields.get(tag) ?? []
  const strips = list(TAGS.stripOffsets)
  const tiles = list(TAGS.tileOffsets)
  const tileWidth = list(TAGS.tileWidth)[0]
  const tiled = tileWidth !== undefined || tiles.length > 0
  if (tiled && strips.length > 0) throw refusal('It has both strips and tiles')
  if (tiled) {
    const tileHeight = list(TAGS.tileHeight)[0] ?? 0
    return { width: tileWidth ?? 0, height: tileHeight, tiled, offsets: tiles, counts: list(TAGS.tileCounts) }
  }
  const rows = list(TAGS.rowsPerStrip)[0] ?? height
  return { width, height: Math.min(rows, height), tiled, offsets: strips, counts: list(TAGS.stripCounts) }
}

/** Checks that the blocks cover the image, and that they lie in the file. */
function checkBlocks(bytes: Buffer, { width, height, compression, planes, blocks }: Tiff): void {
  if (width * height === 0) return // Refused with the size.
  if (blocks.width === 0 || blocks.height === 0 || blocks.offsets.length === 0) throw refusal('It has no pixels')
  const [across, down] = [Math.ceil(width / blocks.width), Math.ceil(height / blocks.height)]
  const count = across * down * planes
  const { offsets, counts } = blocks
  if (offsets.length !== count) throw refusal(`It has ${offsets.length} strips or tiles, expected ${count}`)
  const unpacked = across * blocks.width * down * blocks.height
  if (unpacked > MAX_OVERLAP * width * height + 2 ** 22) {
    throw refusal(`Its tiles of ${blocks.width} × ${blocks.height} pixels are too large for ${width} × ${height}`)
  }
  if (offsets.some((offset) => offset === 0 || offset >= bytes.length)) throw truncated()
  // Pillow, too, does without the counts where nothing is compressed.
  if (compression === 1) return
  if (counts.length !== count) throw refusal(`It has ${counts.length} counts of bytes, expected ${count}`)
  let total = 0
  for (const [index, length] of counts.entries()) {
    if (length === 0 || (offsets[index] ?? 0) + length > bytes.length) throw truncated()
    total += length
  }
  if (total > MAX_OVERLAP * bytes.length) throw refusal('Its strips or tiles lie over each other')
}

function decoderOf(tiff: Tiff, compression: NativeTiff['compression']): DecodeFile {
  const { width, height, orientation, pixels, blocks } = tiff
  const layout = layoutOf(pixels)
  if (layout === null || !isReadByPillow(tiff, layout)) throw unknownKind(tiff)
  const planes = tiff.planes > 1 ? pixels.samples : 1
  const count = (blocks.offsets.length / tiff.planes) * planes
  const step = pixels.bits / 8

  return async ({ bytes }) => {
    const data = await native.decodeTiff({
      data: bytes,
      size: [height, width],
      block: [blocks.height, blocks.width],
      tiled: blocks.tiled,
      compression,
      predictorBytes: predictorBytes(tiff, compression),
      samples: planes > 1 ? 1 : pixels.samples,
      separate: planes,
      reversedBits: pixels.reversedBits,
      bigEndian: pixels.bigEndian,
      layout: planes > 1 ? { ...layout, stride: step, offsets: samePlace(pixels) } : layout,
      offsets: Float64Array.from(blocks.offsets.slice(0, count)),
      counts: compression === 'none' ? new Float64Array(count) : Float64Array.from(blocks.counts.slice(0, count)),
    })
    return orient({ data, height, width, channels: 3 }, orientation)
  }
}

/** Where Pillow has a name for pixels, but gives noise or an error for how they are stored. */
function isReadByPillow({ compression, planes, pixels }: Tiff, { kind, type }: NativeLayout): boolean {
  const { photometric, bits, samples, extra, bigEndian, reversedBits } = pixels
  const isStored = compression === 1
  if (isStored && photometric === PALETTE && reversedBits && bits < 8) return false
  if (planes === 1) {
    // Compressed numbers come in the byte order of the machine, which Pillow turns round once more.
    const isTurned = bigEndian && kind === 'clip' && type !== 'uint16'
    return isStored || !(isTurned || photometric === YCBCR)
  }
  if (isStored && (planes > samples || bits === 16 || kind === 'associated')) return false
  if (samples === 1) return true
  const isColor = kind === 'pick' || kind === 'cmyk' || kind === 'associated'
  return isColor && extra.length < 2 && (photometric === CMYK || samples === 3 + extra.length)
}

/** The high byte of a sample, which is all of a pixel in a plane. */
function samePlace({ bits, bigEndian }: TiffPixels): readonly number[] {
  const high = bits === 16 && !bigEndian ? 1 : 0
  return [high, high, high, high]
}

function predictorBytes(tiff: Tiff, compression: NativeTiff['compression']): number {
  const { predictor, pixels } = tiff
  if (predictor === 1 || (compression !== 'lzw' && compression !== 'deflate')) return 0
  if (predictor !== DIFFERENCES || ![8, 16, 32].includes(pixels.bits)) {
    throw refusal(`It has predictor ${predictor} of ${pixels.bits} bits, which is not read`)
  }
  return pixels.bits / 8
}

function checkForSharp(bytes: Buffer, tiff: Tiff): void {
  const { compression, planes, pixels, blocks } = tiff
  const { photometric, bits, samples, extra, sampleFormat } = pixels
  const isBilevel = CCITT.includes(compression) && bits === 1 && samples === 1 && photometric <= 1
  const colors = photometric === RGB || photometric === YCBCR ? 3 : photometric === CMYK ? 4 : 1
  const isJpeg = compression === JPEG && bits === 8 && samples === colors && photometric !== 3 && photometric <= YCBCR
  if (!(isBilevel || isJpeg) || planes > 1 || extra.length > 0 || sampleFormat !== 1) throw unknownKind(tiff)
  if (!isJpeg) return
  // libvips leaves a damaged tile black.
  for (const [index, offset] of blocks.offsets.entries()) {
    const end = offset + (blocks.counts[index] ?? 0)
    if (bytes.readUInt16BE(offset) !== 0xffd8) throw refusal('It has JPEG data that do not begin with a marker')
    if (!bytes.subarray(offset, end).includes(Buffer.of(0xff, 0xd9))) throw truncated()
  }
}

function unknownKind({ compression, planes, pixels }: Tiff): Error {
  const { photometric, bits, samples, extra, sampleFormat, bigEndian } = pixels
  const name = REFUSED[compression] ?? COMPRESSIONS[compression] ?? String(compression)
  const details = [
    `photometric ${photometric}`,
    `compression ${name}`,
    `${samples} samples of ${bits} bits`,
    `format ${sampleFormat}`,
    ...(extra.length > 0 ? [`extra ${extra.join('+')}`] : []),
    ...(planes > 1 ? ['planes'] : []),
    bigEndian ? 'big-endian' : 'little-endian',
  ]
  return refusal(`It is a TIFF of a kind that is not read: ${details.join(', ')}`)
}
