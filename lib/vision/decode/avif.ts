import { native } from '../../libtorch/binding.js'
import type { Image } from '../image.js'
import { readAvifImage, type AvifImage } from './avif_boxes.js'
import { refusal, type EncodedImage, type ImageHeader } from './format.js'
import { rowsOfLibvips } from './memory.js'
import { decodeWithSharp } from './sharp.js'

const BRANDS = 8
const [BLACK, WHITE] = [16, 235]

/** Reads the boxes of an AVIF file. */
export function readAvifHeader(bytes: Buffer): ImageHeader {
  checkBrands(bytes)
  const avif = readAvifImage(bytes)
  const { width, height } = avif
  return {
    width,
    height,
    // The planes of the AV1 decoder, and RGB with alpha twice.
    held: { row: rowsOfLibvips(4), pixel: 12 },
    decode: (file, upright) => decodeAvif(file, avif, upright),
  }
}

/** Other images, HEIC for example, have the same boxes. */
function checkBrands(bytes: Buffer): void {
  const end = Math.min(bytes.readUInt32BE(0), bytes.length)
  for (let at = BRANDS; at + 4 <= end; at += 4) {
    // A version stands behind the first brand.
    if (at !== BRANDS + 4 && /^avi[fs]$/.test(bytes.toString('latin1', at, at + 4))) return
  }
  throw refusal('It is not an AVIF image, but another one of its family')
}

async function decodeAvif(file: EncodedImage, avif: AvifImage, upright: boolean): Promise<Image> {
  const bytes = Buffer.from(file.bytes)
  // sharp knows no other brand. The first frame of a sequence is an image, too.
  bytes.write('avif', BRANDS, 'latin1')
  for (const transform of avif.transforms) neutralize(bytes, transform, avif, upright)
  const image = await decodeWithSharp({ ...file, bytes }, false)
  await checkTiles(file, bytes, avif)
  return avif.isGray && avif.isLimited === true ? widenRange(image) : image
}

/** Takes back what Pillow does on request (turning) or not at all (cropping), and libheif always. */
function neutralize(bytes: Buffer, box: AvifImage['transforms'][number], avif: AvifImage, upright: boolean): void {
  if (box.type === 'clap') {
    // Width, height, and the offset of the center, each as a fraction.
    const whole = [avif.width, 1, avif.height, 1, 0, 1, 0, 1]
    for (const [index, value] of whole.entries()) bytes.writeUInt32BE(value, box.start + index * 4)
  } else if (!upright) {
    // A mirror has no neutral value, but a rotation has.
    bytes.write('irot', box.start - 4, 'latin1')
    bytes.writeUInt8(0, box.start)
  }
}

/** Decodes each tile of a grid by itself: libheif leaves a damaged one green, and says nothing. */
async function checkTiles(file: EncodedImage, bytes: Buffer, { tiles, items, primary }: AvifImage): Promise<void> {
  if (tiles.length === 0) return
  const copy = Buffer.from(bytes)
  // Tiles are hidden, and what is hidden cannot be the primary item.
  for (const { start } of items) copy.writeUInt8((copy[start + 3] ?? 0) & 0xfe, start + 3)
  for (const tile of tiles) {
    copy.writeUIntBE(tile, primary.at, primary.bytes)
    await decodeWithSharp({ ...file, bytes: copy }, false)
  }
}

/** libheif passes gray of video range on as it is. */
async function widenRange({ data, height, width }: Image): Promise<Image> {
  const table = new Uint8Array(768)
  for (let index = 0; index < 256; index++) {
    const gray = Math.round(((index - BLACK) * 255) / (WHITE - BLACK))
    table.fill(Math.min(Math.max(gray, 0), 255), index * 3, index * 3 + 3)
  }
  const layout = { kind: 'index', stride: 3, table } as const
  const size = [height, width] as const
  const rgb = await native.decodeRows({ data, size, offset: 0, step: width * 3, bottomUp: false, layout })
  return { data: rgb, height, width, channels: 3 }
}
