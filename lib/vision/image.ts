import { checkNonNegativeInteger, expected } from '../util/check.js'
import { isUint8Array } from '../util/realm.js'

/** Pixels of a decoded image: bytes in row-major order (H, W, C). */
export interface Image {
  /** `height * width * channels` bytes. */
  readonly data: Uint8Array
  readonly height: number
  readonly width: number
  /** 1 for gray, 3 for RGB. */
  readonly channels: 1 | 3
}

/**
 * The most pixels of an image that is decoded or made by a resize, unless the caller says otherwise: against files of
 * few bytes that unpack to gigabytes. The number is the one from which Pillow warns of a decompression bomb.
 */
export const MAX_PIXELS = 89_478_485

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is an {@link Image} whose data fits its size. */
export function checkImage(name: string, value: unknown): Image {
  if (typeof value !== 'object' || value === null || !('data' in value)) throw expected('an image', name, value)
  const { data, height, width, channels }: { [K in keyof Image]?: unknown } = value
  if (!isUint8Array(data)) throw expected('a Uint8Array', `data of ${name}`, data)
  const rows = checkNonNegativeInteger(`height of ${name}`, height)
  const columns = checkNonNegativeInteger(`width of ${name}`, width)
  if (channels !== 1 && channels !== 3) throw expected('1 or 3', `channels of ${name}`, channels)
  if (data.length !== rows * columns * channels) {
    throw expected(`${rows} × ${columns} × ${channels} elements`, `data of ${name}`, data)
  }
  return { data, height: rows, width: columns, channels }
}

/** Tells whether `value` is what {@link checkImage} takes. */
export function isImage(value: unknown): value is Image {
  if (typeof value !== 'object' || value === null || !('data' in value)) return false
  const { data, height, width, channels }: { [K in keyof Image]?: unknown } = value
  if (!isUint8Array(data) || (channels !== 1 && channels !== 3)) return false
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && Number(size) >= 0
  return isSize(height) && isSize(width) && data.length === height * width * channels
}
