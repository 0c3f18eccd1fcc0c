import { refusal, type ImageHeader } from './format.js'

// Limits against files of few bytes that make a decoder allocate gigabytes.

/** The most bytes of rows that a decoder holds: 64 MiB. */
export const MAX_ROW_BYTES = 2 ** 26

const RGB_BYTES = 3

/** Bytes for each of `maxPixels` that a decoder may hold beside the result: twice as much as the largest result has. */
const WHOLE_BYTES_PER_PIXEL = 6

/**
 * Checks, before anything is decoded, that an image has pixels, no more than `maxPixels`, and that its decoder will hold no
 * more than {@link MAX_ROW_BYTES} for rows, and, where it holds the whole image, no more than 6 bytes for each of
 * `maxPixels` beside that. Gives the bytes of all that and of the result.
 *
 * @throws {TorchError} `TORCH_IMAGE` otherwise.
 */
export function checkMemory({ width, height, held }: ImageHeader, maxPixels: number): number {
  if (width * height === 0) throw refusal(`It has ${width} × ${height} pixels`)
  if (width * height > maxPixels) {
    throw refusal(`Its ${width} × ${height} pixels are more than maxPixels, which is ${maxPixels}`)
  }
  const rows = Math.ceil(width * held.row)
  if (rows > MAX_ROW_BYTES) {
    throw refusal(`Its rows of ${width} pixels take ${rows} bytes to decode, of which the most is ${MAX_ROW_BYTES}`)
  }
  const whole = Math.ceil(width * height * held.pixel)
  const most = WHOLE_BYTES_PER_PIXEL * maxPixels + MAX_ROW_BYTES
  if (whole > most) {
    throw refusal(
      `Its ${width} × ${height} pixels take ${whole} bytes beside the result to decode; the most is ${most}`,
    )
  }
  return RGB_BYTES * width * height + rows + whole
}

/** What libvips holds for images that it reads row by row, measured: several buffers of rows in each step. */
export function rowsOfLibvips(bytesPerPixel: number): number {
  return 16 + 10 * bytesPerPixel
}
