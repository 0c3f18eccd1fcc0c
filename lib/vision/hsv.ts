const f32 = Math.fround

/**
 * Adds to the hue of the RGB bytes from `start` to before `end`, modulo 256, by way of Pillow's HSV: float32 and float64 stand where its C
 * has them.
 */
export function shiftHue(rgb: Uint8Array, target: Uint8Array, start: number, end: number, shift: number): void {
  for (let place = start; place < end; place += 3) {
    const r = rgb[place] ?? 0
    const g = rgb[place + 1] ?? 0
    const b = rgb[place + 2] ?? 0
    const value = Math.max(r, g, b)
    const range = value - Math.min(r, g, b)
    const hue = (hueOf(r, g, b, value, range) + shift) & 255
    const saturation = range === 0 ? 0 : Math.trunc(f32(range / value) * 255)
    writeRgb(target, place, hue, saturation, value)
  }
}

function hueOf(r: number, g: number, b: number, value: number, range: number): number {
  if (range === 0) return 0
  const rc = f32((value - r) / range)
  const gc = f32((value - g) / range)
  const bc = f32((value - b) / range)
  const sector = r === value ? f32(bc - gc) : g === value ? f32(2 + rc - bc) : f32(4 + gc - rc)
  return Math.trunc(f32((sector / 6 + 1) % 1) * 255)
}

function writeRgb(rgb: Uint8Array, place: number, h: number, s: number, v: number): void {
  const sector = Math.floor((h * 6) / 255)
  const rest = f32((h * 6) / 255 - sector)
  const share = f32(s / 255)
  const p = round(v * (1 - share))
  const q = round(v * (1 - f32(share * rest)))
  const t = round(v * (1 - share * (1 - rest)))
  const [r, g, b] = s === 0 ? [v, v, v] : colorOf(sector % 6, v, p, q, t)
  rgb[place] = r
  rgb[place + 1] = g
  rgb[place + 2] = b
}

function colorOf(sector: number, v: number, p: number, q: number, t: number): readonly [number, number, number] {
  if (sector === 0) return [v, t, p]
  if (sector === 1) return [q, v, p]
  if (sector === 2) return [p, v, t]
  if (sector === 3) return [p, q, v]
  return sector === 4 ? [t, p, v] : [v, p, q]
}

/** C's `round` of what is not negative. */
function round(value: number): number {
  return Math.floor(value + 0.5)
}
