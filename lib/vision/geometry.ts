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

/** Gives the bytes of Pillow's `Image.transform` with `AFFINE`. `target` has the color of what lies outside of the image. */
export function transformAffine(
  image: Pixels,
  target: Pixels,
  matrix: AffineMatrix,
  interpolation: AffineInterpolationMode,
): void {
  if (interpolation !== 'nearest') {
    resample(image, target, matrix, interpolation === 'bilinear' ? bilinear : bicubic)
  } else if (matrix[1] === 0 && matrix[3] === 0) {
    scaleNearest(image, target, matrix)
  } else if (isFixed(target, matrix)) {
    moveFixed(image, target, matrix)
  } else {
    moveFloat(image, target, matrix)
  }
}

/** The matrix from a result to its image, for {@link transformAffine}; angles in degrees. Follows torchvision's `_get_inverse_affine_matrix`. */
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

function scaleNearest(image: Pixels, target: Pixels, [a, , c, , e, f]: AffineMatrix): void {
  const { channels } = image
  const columns = new Int32Array(target.width)
  let x = c + a * 0.5
  for (let column = 0; column < target.width; column++, x += a) columns[column] = inside(x, image.width)
  let y = f + e * 0.5
  let to = 0
  for (let row = 0; row < target.height; row++, y += e) {
    const from = inside(y, image.height) * image.width
    for (let column = 0; column < target.width; column++, to += channels) {
      const place = columns[column] ?? -1
      if (from >= 0 && place >= 0) copyPixel(image, (from + place) * channels, target, to)
    }
  }
}

function moveFixed(image: Pixels, target: Pixels, [a, b, c, d, e, f]: AffineMatrix): void {
  const fixed = (value: number): number => Math.floor(value * 65536 + 0.5)
  const { channels, width, height } = image
  const [stepX, stepY] = [fixed(a), fixed(d)]
  let [startX, startY] = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)]
  let to = 0
  for (let row = 0; row < target.height; row++, startX += fixed(b), startY += fixed(e)) {
    let [x, y] = [startX, startY]
    for (let column = 0; column < target.width; column++, x += stepX, y += stepY, to += channels) {
      const [fromX, fromY] = [x >> 16, y >> 16]
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue
      copyPixel(image, (fromY * width + fromX) * channels, target, to)
    }
  }
}

function moveFloat(image: Pixels, target: Pixels, [a, b, c, d, e, f]: AffineMatrix): void {
  const { channels } = image
  let [startX, startY] = [c + b * 0.5 + a * 0.5, f + e * 0.5 + d * 0.5]
  let to = 0
  for (let row = 0; row < target.height; row++, startX += b, startY += e) {
    let [x, y] = [startX, startY]
    for (let column = 0; column < target.width; column++, x += a, y += d, to += channels) {
      const [fromX, fromY] = [inside(x, image.width), inside(y, image.height)]
      if (fromX >= 0 && fromY >= 0) copyPixel(image, (fromY * image.width + fromX) * channels, target, to)
    }
  }
}

/** The pixel in which a coordinate lies, -1 for none. */
function inside(coordinate: number, size: number): number {
  return coordinate >= 0 && coordinate < size ? Math.trunc(coordinate) : -1
}

function copyPixel(image: Pixels, from: number, target: Pixels, to: number): void {
  for (let channel = 0; channel < image.channels; channel++) target.data[to + channel] = image.data[from + channel] ?? 0
}

/** Computes a channel at (x, y), of which whole numbers are the middles of pixels. */
type Sampler = (image: Pixels, channel: number, x: number, y: number) => number

function resample(image: Pixels, target: Pixels, [a, b, c, d, e, f]: AffineMatrix, sample: Sampler): void {
  const { channels, width, height } = image
  let to = 0
  for (let row = 0; row < target.height; row++) {
    for (let column = 0; column < target.width; column++, to += channels) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c
      const y = d * (column + 0.5) + e * (row + 0.5) + f
      if (!(x >= 0 && x < width && y >= 0 && y < height)) continue
      for (let channel = 0; channel < channels; channel++) {
        target.data[to + channel] = sample(image, channel, x - 0.5, y - 0.5)
      }
    }
  }
}

/** Bytes are cut, not rounded: a typed array does it. */
function bilinear({ data, width, height, channels }: Pixels, channel: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  const dx = x - left
  const first = Math.max(left, 0) * channels + channel
  const second = Math.min(left + 1, width - 1) * channels + channel
  const line = (row: number): number => {
    const start = row * width * channels
    const value = data[start + first] ?? 0
    return value + ((data[start + second] ?? 0) - value) * dx
  }
  const above = line(Math.max(top, 0))
  const below = top + 1 < height ? line(top + 1) : above
  return above + (below - above) * (y - top)
}

function bicubic({ data, width, height, channels }: Pixels, channel: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x) - 1, Math.floor(y) - 1]
  const dx = x - left - 1
  const line = (row: number): number => {
    const at = (column: number): number =>
      data[(row * width + Math.min(Math.max(column, 0), width - 1)) * channels + channel] ?? 0
    return cubic(at(left), at(left + 1), at(left + 2), at(left + 3), dx)
  }
  const first = line(Math.min(Math.max(top, 0), height - 1))
  // A row below the last repeats the one before.
  const next = (row: number, before: number): number => (row >= 0 && row < height ? line(row) : before)
  const second = next(top + 1, first)
  const third = next(top + 2, second)
  const value = cubic(first, second, third, next(top + 3, third), y - top - 1)
  return Math.min(Math.max(value, 0), 255)
}

function cubic(a: number, b: number, c: number, d: number, share: number): number {
  return b + share * (-a + c + share * (2 * (a - b) + c - d + share * (-a + b - c + d)))
}
