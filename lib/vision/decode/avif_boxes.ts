// The boxes of an AVIF file: ISO/IEC 14496-12 (boxes), 23008-12 (items and properties), and the AVIF specification.
import { refusal, truncated } from './format.js'

/** A box: its four letters, and where its content lies. */
export interface Box {
  readonly type: string
  readonly start: number
  readonly end: number
}

/** The facts of the image that a file names as its primary item. */
export interface AvifImage {
  readonly width: number
  readonly height: number
  /** Where the number of the primary item stands, and its bytes. */
  readonly primary: { readonly at: number; readonly bytes: number }
  /** The tiles of a grid: numbers of items. */
  readonly tiles: readonly number[]
  /** The boxes that tell what each item is. */
  readonly items: readonly Box[]
  /** Crops, rotations and mirrors of any item. */
  readonly transforms: readonly Box[]
  /** Of one channel. */
  readonly isGray: boolean
  /** Whether black is 16 and white 235, as in video; null where only the image data tell. */
  readonly isLimited: boolean | null
}

/** The most boxes of a file: against files of many empty ones. */
const MAX_BOXES = 2 ** 16

/** Reads the boxes that describe the primary item, and checks that all items lie in the file. */
export function readAvifImage(bytes: Buffer): AvifImage {
  const top = boxesIn(bytes, 0, bytes.length)
  const meta = top.find(({ type }) => type === 'meta')
  if (meta === undefined) throw refusal('It has no item that is an image')
  const boxes = boxesIn(bytes, meta.start + 4, meta.end)
  const find = (type: string): Box => {
    const box = boxes.find((candidate) => candidate.type === type)
    if (box === undefined) throw refusal(`It has no box ${type}`)
    return box
  }
  const pitm = find('pitm')
  const primary = { at: pitm.start + 4, bytes: bytes.readUInt8(pitm.start) === 0 ? 2 : 4 }
  checkExtents(bytes, find('iloc'))

  const iinf = find('iinf')
  const items = boxesIn(bytes, iinf.start + (bytes.readUInt8(iinf.start) === 0 ? 6 : 8), iinf.end)
  const properties = find('iprp')
  const parts = boxesIn(bytes, properties.start, properties.end)
  const ipco = parts.find(({ type }) => type === 'ipco')
  const ipma = parts.find(({ type }) => type === 'ipma')
  if (ipco === undefined || ipma === undefined) throw refusal('It has no properties')
  const all = boxesIn(bytes, ipco.start, ipco.end)
  const item = bytes.readUIntBE(primary.at, primary.bytes)
  const references = boxes.find(({ type }) => type === 'iref')
  const tiles = references === undefined ? [] : readTiles(bytes, references, item)
  const propertiesOf = (id: number): readonly Box[] =>
    readAssociations(bytes, ipma, id).flatMap((index) => all[index - 1] ?? [])

  const own = propertiesOf(item)
  const size = own.find(({ type }) => type === 'ispe')
  if (size === undefined) throw refusal('It has no size')
  const codec = [...own, ...(tiles[0] === undefined ? [] : propertiesOf(tiles[0]))].find(({ type }) => type === 'av1C')
  const color = own.find(({ type, start }) => type === 'colr' && bytes.toString('latin1', start, start + 4) === 'nclx')
  return {
    width: bytes.readUInt32BE(size.start + 4),
    height: bytes.readUInt32BE(size.start + 8),
    primary,
    tiles,
    items,
    transforms: all.filter(({ type }) => type === 'clap' || type === 'irot' || type === 'imir'),
    isGray: codec !== undefined && (bytes.readUInt8(codec.start + 2) & 0x10) !== 0,
    isLimited: color === undefined ? null : (bytes.readUInt8(color.start + 10) & 0x80) === 0,
  }
}

function boxesIn(bytes: Buffer, start: number, end: number): readonly Box[] {
  const boxes: Box[] = []
  for (let at = start; at + 8 <= end;) {
    const size = bytes.readUInt32BE(at)
    const isLarge = size === 1
    const length = isLarge ? Number(bytes.readBigUInt64BE(at + 8)) : size === 0 ? end - at : size
    const header = isLarge ? 16 : 8
    if (length < header) throw refusal('It has a box of a wrong size')
    if (at + length > end) throw truncated()
    boxes.push({ type: bytes.toString('latin1', at + 4, at + 8), start: at + header, end: at + length })
    if (boxes.length > MAX_BOXES) throw refusal(`It has more than ${MAX_BOXES} boxes`)
    at += length
  }
  return boxes
}

/** Checks that the file holds all of its items. libheif leaves a missing tile green. */
function checkExtents(bytes: Buffer, iloc: Box): void {
  const version = bytes.readUInt8(iloc.start)
  const sizes = bytes.readUInt16BE(iloc.start + 4)
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15]
  const indexSize = version > 0 ? sizes & 15 : 0
  const idSize = version < 2 ? 2 : 4
  let at = iloc.start + 6
  const take = (size: number): number => {
    const value = size === 0 ? 0 : size === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, size)
    at += size
    return value
  }

  for (let items = take(idSize); items > 0; items--) {
    take(idSize)
    // What does not lie in the file as such lies in a box, of which the size is checked.
    const isInFile = (version > 0 ? take(2) & 15 : 0) === 0
    take(2)
    const base = take(baseSize)
    for (let extents = take(2); extents > 0; extents--) {
      take(indexSize)
      const end = base + take(offsetSize) + take(lengthSize)
      if (isInFile && end > bytes.length) throw truncated()
    }
  }
}

/** The items out of which a grid is put together. */
function readTiles(bytes: Buffer, iref: Box, item: number): readonly number[] {
  const idSize = bytes.readUInt8(iref.start) === 0 ? 2 : 4
  for (const { type, start } of boxesIn(bytes, iref.start + 4, iref.end)) {
    if (type !== 'dimg' || bytes.readUIntBE(start, idSize) !== item) continue
    const count = bytes.readUInt16BE(start + idSize)
    return Array.from({ length: count }, (_, index) => bytes.readUIntBE(start + idSize + 2 + index * idSize, idSize))
  }
  return []
}

/** The properties of an item, counted from 1. */
function readAssociations(bytes: Buffer, ipma: Box, item: number): readonly number[] {
  const idSize = bytes.readUInt8(ipma.start) === 0 ? 2 : 4
  const indexSize = (bytes.readUInt8(ipma.start + 3) & 1) === 1 ? 2 : 1
  let at = ipma.start + 8
  for (let entries = bytes.readUInt32BE(ipma.start + 4); entries > 0; entries--) {
    const id = bytes.readUIntBE(at, idSize)
    const count = bytes.readUInt8(at + idSize)
    const first = at + idSize + 1
    at = first + count * indexSize
    if (id !== item) continue
    // The highest bit tells that a reader must know the property.
    const mask = 2 ** (indexSize * 8 - 1) - 1
    return Array.from({ length: count }, (_, index) => bytes.readUIntBE(first + index * indexSize, indexSize) & mask)
  }
  return []
}
