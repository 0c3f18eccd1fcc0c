/** What a pixel of a moved image is made of: the nearest one, 2 × 2 or 4 × 4 around it. */
export const AFFINE_INTERPOLATION_MODES = ['nearest', 'bilinear', 'bicubic'] as const

/** One of {@link AFFINE_INTERPOLATION_MODES}. */
export type AffineInterpolationMode = (typeof AFFINE_INTERPOLATION_MODES)[number]

/** Maps (x, y) of the result to (ax + by + c, dx + ey + f) of the image. */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number]

/** Pixels that are moved: bytes in row-major order (H, W, C). */
interface Pixels {
  readonly data: Uint8Array
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** Coordinates up to which Pillow computes with 16 bits before and after the point. */
const MAX_FIXED = 32768

/** Writes a row of a result; called for each in order. */
type RowWriter = (row: number) => void

/**
 * Gives what writes the rows of Pillow's `Image.transform` with `AFFINE`, one after the other, to the byte. `target` has the color of what
 * lies outside of the image.
 */
export function affineRows(
  image: Pixels,
  target: Pixels,
  matrix: AffineMatrix,
  interpolation: AffineInterpolationMode,
): RowWriter {
  if (interpolation === 'bilinear') return bilinearRows(image, target, matrix)
  if (interpolation === 'bicubic') return bicubicRows(image, target, matrix)
  if (matrix[1] === 0 && matrix[3] === 0) return scaledRows(image, target, matrix)
  return isFixed(target, matrix) ? fixedRows(image, target, matrix) : floatRows(image, target, matrix)
}

/** The matrix from a result to its image, for {@link affineRows}; angles in degrees. Follows torchvision's `_get_inverse_affine_matrix`. */
export function inverseAffineMatrix(
  [cx, cy]: readonly [number, number],
  angle: number,
  [tx, ty]: readonly [number, number],
  scale: number,
  shear: readonly [number, number],
): AffineMatrix {
  const [rotation, sx, sy] = [radians(angle), radians(shear[0]), radians(shear[1])]
  const { cos, sin, tan } = Math
  const a = cos(rotation - sy) / cos(sy)
  const b = (-cos(rotation - sy) * tan(sx)) / cos(sy) - sin(rotation)
  const c = sin(rotation - sy) / cos(sy)
  const d = (-sin(rotation - sy) * tan(sx)) / cos(sy) + cos(rotation)
  const [m0, m1, m3, m4] = [d / scale, -b / scale, -c / scale, a / scale]
  // In Python's order of additions, which floats tell.
  return [m0, m1, 0 + (m0 * (-cx - tx) + m1 * (-cy - ty)) + cx, m3, m4, 0 + (m3 * (-cx - tx) + m4 * (-cy - ty)) + cy]
}

/** Where Pillow's `Image.rotate` takes the pixels of its result from, and the size of that; the angle in degrees, counterclockwise. */
export function rotation(
  { height, width }: { readonly height: number; readonly width: number },
  angle: number,
  { expand, center }: { readonly expand: boolean; readonly center: readonly [x: number, y: number] | null },
): { readonly matrix: AffineMatrix; readonly height: number; readonly width: number } {
  const [cx, cy] = center ?? [width / 2, height / 2]
  const turn = -radians(positiveAngle(angle))
  const [cos, sin, minusSin] = [Math.cos(turn), Math.sin(turn), -Math.sin(turn)].map(round15) as [
    number,
    number,
    number,
  ]
  const at = (x: number, y: number, c: number, f: number): [number, number] => [
    cos * x + sin * y + c,
    minusSin * x + cos * y + f,
  ]
  let [c, f] = at(-cx, -cy, 0, 0)
  c += cx
  f += cy
  if (!expand) return { matrix: [cos, sin, c, minusSin, cos, f], height, width }

  const corners = [at(0, 0, c, f), at(width, 0, c, f), at(width, height, c, f), at(0, height, c, f)]
  const extent = (values: readonly number[]): number => Math.ceil(Math.max(...values)) - Math.floor(Math.min(...values))
  const [outWidth, outHeight] = [extent(corners.map(([x]) => x)), extent(corners.map(([, y]) => y))]
  ;[c, f] = at(-(outWidth - width) / 2, -(outHeight - height) / 2, c, f)
  return { matrix: [cos, sin, c, minusSin, cos, f], height: outHeight, width: outWidth }
}

/** Python's `angle % 360`. */
export function positiveAngle(angle: number): number {
  const rest = angle % 360
  return rest < 0 ? rest + 360 : rest
}

/** Python's `math.radians`. */
function radians(degrees: number): number {
  return degrees * (Math.PI / 180)
}

/** Python's `round(value, 15)`. */
function round15(value: number): number {
  return Number(value.toFixed(15))
}

function isFixed({ height, width }: Pixels, [a, b, c, d, e, f]: AffineMatrix): boolean {
  const fits = (x: number, y: number): boolean =>
    Math.abs(x * a + y * b + c) < MAX_FIXED && Math.abs(x * d + y * e + f) < MAX_FIXED
  return fits(0, 0) && fits(width, height) && fits(0, height) && fits(width, 0)
}

function scaledRows(image: Pixels, target: Pixels, [a, , c, , e, f]: AffineMatrix): RowWriter {
  const { channels } = image
  const columns = new Int32Array(target.width)
  let x = c + a * 0.5
  for (let column = 0; column < target.width; column++, x += a) columns[column] = inside(x, image.width)
  let y = f + e * 0.5
  return (row) => {
    const from = inside(y, image.height) * image.width
    y += e
    if (from < 0) return
    let to = row * target.width * channels
    for (let column = 0; column < target.width; column++, to += channels) {
      const place = columns[column] ?? -1
      if (place >= 0) copyPixel(image, (from + place) * channels, target, to)
    }
  }
}

function fixedRows(image: Pixels, target: Pixels, [a, b, c, d, e, f]: AffineMatrix): RowWriter {
  const fixed = (value: number): number => Math.floor(value * 65536 + 0.5)
  const { channels, width, height } = image
  const [stepX, stepY, nextX, nextY] = [fixed(a), fixed(d), fixed(b), fixed(e)]
  let [startX, startY] = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)]
  return (row) => {
    let [x, y, to] = [startX, startY, row * target.width * channels]
    for (let column = 0; column < target.width; column++, x += stepX, y += stepY, to += channels) {
      const [fromX, fromY] = [x >> 16, y >> 16]
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue
      copyPixel(image, (fromY * width + fromX) * channels, target, to)
    }
    startX += nextX
    startY += nextY
  }
}

function floatRows(image: Pixels, target: Pixels, [a, b, c, d, e, f]: AffineMatrix): RowWriter {
  const { channels } = image
  let [startX, startY] = [c + b * 0.5 + a * 0.5, f + e * 0.5 + d * 0.5]
  return (row) => {
    let [x, y, to] = [startX, startY, row * target.width * channels]
    for (let column = 0; column < target.width; column++, x += a, y += d, to += channels) {
      const [fromX, fromY] = [inside(x, image.width), inside(y, image.height)]
      if (fromX >= 0 && fromY >= 0) copyPixel(image, (fromY * image.width + fromX) * channels, target, to)
    }
    startX += b
    startY += e
  }
}

/** The pixel in which a coordinate lies, -1 for none. */
function inside(coordinate: number, size: number): number {
  return coordinate >= 0 && coordinate < size ? Math.trunc(coordinate) : -1
}

function copyPixel(image: Pixels, from: number, target: Pixels, to: number): void {
  for (let channel = 0; channel < image.channels; channel++) target.data[to + channel] = image.data[from + channel] ?? 0
}

// Bytes are cut, not rounded: a typed array does it. Coordinates of which whole numbers are the middles of pixels are 0.5 less.

function bilinearRows(image: Pixels, target: Pixels, [a, b, c, d, e, f]: AffineMatrix): RowWriter {
  const { data, channels, width, height } = image
  const stride = width * channels
  return (row) => {
    let to = row * target.width * channels
    for (let column = 0; column < target.width; column++, to += channels) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c
      const y = d * (column + 0.5) + e * (row + 0.5) + f
      if (!(x >= 0 && x < width && y >= 0 && y < height)) continue
      const left = Math.floor(x - 0.5)
      const top = Math.floor(y - 0.5)
      const dx = x - 0.5 - left
      const dy = y - 0.5 - top
      const first = Math.max(left, 0) * channels
      const second = Math.min(left + 1, width - 1) * channels
      const above = Math.max(top, 0) * stride
      const below = top + 1 < height ? (top + 1) * stride : above
      for (let channel = 0; channel < channels; channel++) {
        const upper = mixed(data[above + first + channel] ?? 0, data[above + second + channel] ?? 0, dx)
        const lower = mixed(data[below + first + channel] ?? 0, data[below + second + channel] ?? 0, dx)
        target.data[to + channel] = mixed(upper, lower, dy)
      }
    }
  }
}

function mixed(from: number, to: number, share: number): number {
  return from + (to - from) * share
}

function bicubicRows(image: Pixels, target: Pixels, [a, b, c, d, e, f]: AffineMatrix): RowWriter {
  const { data, channels, width, height } = image
  const columns = new Int32Array(4)
  const lines = new Float64Array(4)
  return (row) => {
    let to = row * target.width * channels
    for (let column = 0; column < target.width; column++, to += channels) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c
      const y = d * (column + 0.5) + e * (row + 0.5) + f
      if (!(x >= 0 && x < width && y >= 0 && y < height)) continue
      const left = Math.floor(x - 0.5)
      const top = Math.floor(y - 0.5)
      for (let step = 0; step < 4; step++) {
        columns[step] = Math.min(Math.max(left - 1 + step, 0), width - 1) * channels
      }
      for (let channel = 0; channel < channels; channel++) {
        for (let step = 0; step < 4; step++) {
          const line = top - 1 + step
          // A row outside repeats the one before it; the first is clipped.
          const isOutside = step > 0 && (line < 0 || line >= height)
          const start = Math.min(Math.max(line, 0), height - 1) * width * channels + channel
          lines[step] = isOutside ? (lines[step - 1] ?? 0) : cubicAt(data, start, columns, x - 0.5 - left)
        }
        const [first = 0, second = 0, third = 0, fourth = 0] = lines
        target.data[to + channel] = Math.min(Math.max(cubic(first, second, third, fourth, y - 0.5 - top), 0), 255)
      }
    }
  }
}

function cubicAt(data: Uint8Array, start: number, columns: Int32Array, share: number): number {
  return cubic(
    data[start + (columns[0] ?? 0)] ?? 0,
    data[start + (columns[1] ?? 0)] ?? 0,
    data[start + (columns[2] ?? 0)] ?? 0,
    data[start + (columns[3] ?? 0)] ?? 0,
    share,
  )
}

function cubic(a: number, b: number, c: number, d: number, share: number): number {
  return b + share * (-a + c + share * (2 * (a - b) + c - d + share * (-a + b - c + d)))
}
