// The kinds of pixels that Pillow's TiffImagePlugin reads (its table OPEN_INFO), and how they lie in memory.
import type { NativeLayout } from '../../libtorch/binding.js'
import { grayTable, paletteTable } from './pixels.js'

/** The fields that tell how pixels are stored. */
export interface TiffPixels {
  readonly bigEndian: boolean
  readonly photometric: number
  /** 1: unsigned, 2: signed, 3: float. */
  readonly sampleFormat: number
  readonly reversedBits: boolean
  /** Of each sample; all are equal. */
  readonly bits: number
  /** Without those of planes that Pillow drops. */
  readonly samples: number
  readonly extra: readonly number[]
  readonly palette: readonly number[]
}

const INDEX_BITS: readonly number[] = [1, 2, 4, 8]

export const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR] = [0, 1, 2, 3, 5, 6] as const
const [UNSIGNED, SIGNED, FLOAT] = [1, 2, 3]

/** The layout of pixels whose samples lie side by side, or null where Pillow reads none of that kind. */
export function layoutOf(pixels: TiffPixels): NativeLayout | null {
  const { photometric, sampleFormat, bits, samples, extra } = pixels
  const colorFormats = sampleFormat === UNSIGNED && (bits === 8 || bits === 16)
  switch (photometric) {
    case WHITE_IS_ZERO:
    case BLACK_IS_ZERO:
      return grayLayout(pixels)
    case RGB:
      return colorFormats ? rgbLayout(pixels) : null
    case PALETTE:
      return paletteLayout(pixels)
    case CMYK: {
      const known =
        samples === 4 + extra.length && extra.length <= (bits === 8 ? 2 : 0) && extra.every((kind) => kind === 0)
      return colorFormats && known && !pixels.reversedBits ? { ...colors(pixels), kind: 'cmyk' } : null
    }
    case YCBCR:
      return bits === 8 && samples === 1 && extra.length === 0 && sampleFormat === UNSIGNED && !pixels.reversedBits
        ? { kind: 'index', bits: 8, table: grayTable(8) }
        : null
    default:
      return null
  }
}

function grayLayout(pixels: TiffPixels): NativeLayout | null {
  const { photometric, bits, samples, extra, sampleFormat, reversedBits } = pixels
  if (samples === 2) {
    const hasAlpha = bits === 8 && extra.join() === '2' && sampleFormat === UNSIGNED
    return hasAlpha && photometric === BLACK_IS_ZERO && !reversedBits
      ? { kind: 'index', bits: 8, stride: 2, table: grayTable(8) }
      : null
  }
  if (samples !== 1 || extra.length > 0) return null
  if (INDEX_BITS.includes(bits) && sampleFormat === UNSIGNED) {
    return { kind: 'index', bits, table: grayTable(bits, photometric === WHITE_IS_ZERO) }
  }
  if (bits === 8 && sampleFormat === SIGNED && photometric === BLACK_IS_ZERO && !reversedBits) {
    return { kind: 'index', bits, table: grayTable(bits) }
  }
  return numberLayout(pixels)
}

/** Gray of more than 8 bits, which is cut off. */
function numberLayout(pixels: TiffPixels): NativeLayout | null {
  const { bigEndian, photometric, bits, sampleFormat, reversedBits } = pixels
  const isBlackZero = photometric === BLACK_IS_ZERO
  const clip = (type: NonNullable<NativeLayout['type']>, known: boolean): NativeLayout | null =>
    known ? { kind: 'clip', type, bigEndian } : null
  if (sampleFormat === UNSIGNED && bits === 16) {
    // Not inverted, even where white is zero.
    return clip('uint16', bigEndian ? isBlackZero && !reversedBits : isBlackZero || !reversedBits)
  }
  if (reversedBits) return null
  if (sampleFormat === UNSIGNED && bits === 12) return clip('uint12', isBlackZero && !bigEndian)
  if (sampleFormat === UNSIGNED && bits === 32) return clip('uint32', isBlackZero && !bigEndian)
  if (sampleFormat === SIGNED && (bits === 16 || bits === 32)) return clip(bits === 16 ? 'int16' : 'int32', isBlackZero)
  return sampleFormat === FLOAT && bits === 32 ? clip('float32', true) : null
}

function rgbLayout(pixels: TiffPixels): NativeLayout | null {
  const { bits, samples, extra, reversedBits } = pixels
  const [alpha, ...others] = extra
  const known =
    samples === 3
      ? extra.length === 0 && (bits === 8 || !reversedBits)
      : !reversedBits &&
        samples <= (bits === 8 ? 6 : 4) &&
        (samples === 3 + extra.length || (samples === 4 && extra.length === 0)) &&
        others.every((kind) => kind === 0) &&
        (alpha === undefined || alpha <= 2 || (alpha === 999 && bits === 8 && samples === 4))
  if (!known) return null
  return { ...colors(pixels), kind: alpha === 1 ? 'associated' : 'pick' }
}

function paletteLayout({ bits, samples, extra, sampleFormat, reversedBits, palette }: TiffPixels): NativeLayout | null {
  const hasExtra = samples === 2 && bits === 8 && (extra.join() === '0' || extra.join() === '2') && !reversedBits
  if (sampleFormat !== UNSIGNED || !INDEX_BITS.includes(bits) || !(hasExtra || (samples === 1 && extra.length === 0)))
    return null
  const count = Math.floor(palette.length / 3)
  if (count < 1 || count > 256) return null
  // All reds, then all greens, then all blues, in 16 bits.
  const colors = Uint8Array.from({ length: count * 3 }, (_, index) => {
    return Math.floor((palette[(index % 3) * count + Math.floor(index / 3)] ?? 0) / 256)
  })
  return { kind: 'index', bits, stride: samples, table: paletteTable(colors) }
}

/** Bytes of a pixel, and where the high byte of each of its first four samples lies. */
function colors({ bits, samples, bigEndian }: TiffPixels): Pick<NativeLayout, 'stride' | 'offsets'> {
  const bytes = bits / 8
  const high = bigEndian ? 0 : bytes - 1
  return { stride: samples * bytes, offsets: [0, 1, 2, 3].map((index) => index * bytes + high) }
}
