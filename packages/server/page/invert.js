// The sample model knows light things on a black background: photos are mostly the other way round.

/** Longest side of an image whose colors are inverted: far more than the model sees. */
const MAX_SIDE = 1024
const SMALL_SIDE = 32
/** Mean brightness of a border, from 0 to 1, from which on it is light. */
const LIGHT = 0.6

/** Draws an image on a canvas whose longest side has at most so many pixels. */
async function draw(image, side) {
  const bitmap = await createImageBitmap(image)
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  const context = canvas.getContext('2d')
  // What is transparent is white, as on most pages.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  bitmap.close()
  return { canvas, context }
}

/** Tells whether the border of an image is light. */
export async function hasLightBackground(image) {
  const { canvas, context } = await draw(image, SMALL_SIDE)
  const { width, height } = canvas
  const { data } = context.getImageData(0, 0, width, height)
  let sum = 0
  let count = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (x > 0 && y > 0 && x < width - 1 && y < height - 1) continue
      const at = 4 * (y * width + x)
      sum += (data[at] + data[at + 1] + data[at + 2]) / (3 * 255)
      count++
    }
  }
  return sum / count > LIGHT
}

/** Makes the negative of an image, as a PNG file. */
export async function inverted(image) {
  const { canvas, context } = await draw(image, MAX_SIDE)
  context.globalCompositeOperation = 'difference'
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
  return new File([blob], `${image.name}, inverted`, { type: 'image/png' })
}
