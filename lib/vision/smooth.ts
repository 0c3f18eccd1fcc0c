import type { Image } from './image.js'
import { eachRow } from './rows.js'

const f32 = Math.fround
const SIDE = f32(1 / 13)
const MIDDLE = f32(5 / 13)

/** Bytes of Pillow's `ImageFilter.SMOOTH`: a mean of 3 × 3 pixels with the middle five times, in float32; the border stays. */
export async function smoothed({ data, height, width, channels }: Image): Promise<Uint8Array> {
  const result = data.slice()
  const stride = width * channels
  await eachRow(height, (row) => {
    if (row === 0 || row === height - 1) return
    for (let place = row * stride + channels; place < (row + 1) * stride - channels; place++) {
      let sum = f32(0.5 + line(data, place + stride, channels, SIDE))
      sum = f32(sum + line(data, place, channels, MIDDLE))
      sum = f32(sum + line(data, place - stride, channels, SIDE))
      result[place] = Math.min(sum, 255)
    }
  })
  return result
}

function line(data: Uint8Array, place: number, channels: number, middle: number): number {
  const left = f32((data[place - channels] ?? 0) * SIDE)
  const right = f32((data[place + channels] ?? 0) * SIDE)
  return f32(f32(left + f32((data[place] ?? 0) * middle)) + right)
}
