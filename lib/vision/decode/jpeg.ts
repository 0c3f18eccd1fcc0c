import { refusal, type ImageHeader } from './format.js'
import { rowsOfLibvips } from './memory.js'
import { decodeWithSharp } from './sharp.js'

/** The most scans of an image: against files of few bytes that are decoded thousands of times over. */
const MAX_SCANS = 200
const START_OF_SCAN = Buffer.of(0xff, 0xda)

/** Reads the frame header of a JPEG file (ITU-T T.81, annex B). */
export function readJpegHeader(bytes: Buffer): ImageHeader {
  const frame = findFrame(bytes)
  const [precision, height, width] = [
    bytes.readUInt8(frame + 4),
    bytes.readUInt16BE(frame + 5),
    bytes.readUInt16BE(frame + 7),
  ]
  if (precision !== 8) throw refusal(`It has ${precision} bits for each color, expected 8`)
  const channels = bytes.readUInt8(frame + 9)
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw refusal(`It has ${channels} channels, expected 1, 3 or 4`)

  const scans = countScans(bytes)
  if (scans > MAX_SCANS) throw refusal(`It has more than ${MAX_SCANS} scans`)
  // What comes in several scans is held as coefficients of 16 bits, chroma at its own resolution.
  const pixel = scans > 1 || isProgressive(bytes.readUInt8(frame + 1)) ? 2 * samplesPerPixel(bytes, frame, channels) : 0
  return {
    width,
    height,
    held: { row: rowsOfLibvips(channels), pixel },
    decode: (file, upright) =>
      decodeWithSharp(file, upright, { unlimited: true, space: channels === 4 ? 'cmyk' : 'rgb' }),
  }
}

/** Where the frame header begins. */
function findFrame(bytes: Buffer): number {
  let position = 2
  for (;;) {
    if (bytes.readUInt8(position) !== 0xff) throw refusal('It has no marker where one is due')
    const marker = bytes.readUInt8(position + 1)
    if (marker === 0xff) {
      position += 1 // A fill byte.
    } else if (isStartOfFrame(marker)) {
      return position
    } else if (hasLength(marker)) {
      position += 2 + bytes.readUInt16BE(position + 2)
    } else {
      throw refusal('It has no frame header before its image')
    }
  }
}

/** Samples of all components for each pixel: 3 for 4:4:4, 1.5 for 4:2:0. */
function samplesPerPixel(bytes: Buffer, frame: number, channels: number): number {
  const factors = Array.from({ length: channels }, (_, index) => {
    const byte = bytes.readUInt8(frame + 11 + index * 3)
    return { across: byte >> 4, down: byte & 15 }
  })
  const across = Math.max(1, ...factors.map((factor) => factor.across))
  const down = Math.max(1, ...factors.map((factor) => factor.down))
  return factors.reduce((sum, factor) => sum + (factor.across * factor.down) / (across * down), 0)
}

function countScans(bytes: Buffer): number {
  let count = 0
  for (
    let at = bytes.indexOf(START_OF_SCAN);
    at >= 0 && count <= MAX_SCANS;
    at = bytes.indexOf(START_OF_SCAN, at + 2)
  ) {
    count++
  }
  return count
}

/** SOF0 to SOF15, without the three of that range that mean something else. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

function isProgressive(marker: number): boolean {
  return (marker & 3) === 2
}

/** Neither a marker that stands alone, nor the one with which the image begins. */
function hasLength(marker: number): boolean {
  return marker >= 0xc0 && !(marker >= 0xd0 && marker <= 0xda)
}
