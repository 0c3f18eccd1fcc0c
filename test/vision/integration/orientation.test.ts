import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { decodeImage, ImagePreset, presets, type Image } from 'napi-torch'

import { itWithPython, python } from '../../support/python.js'

/** Writes an image in each way to store an orientation, and what Pillow makes of each. */
const WRITE = `
import sys, hashlib, json
from PIL import Image, ImageOps
folder, facts = sys.argv[1], {}
image = Image.effect_noise((9, 6), 80).convert('RGB')
xmp = lambda text: ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" ' + text + '</rdf:RDF></x:xmpmeta>').encode()
exif = lambda value: (lambda e: (e.__setitem__(0x0112, value), e)[1])(Image.Exif())
def save(name, **options):
    image.save(folder + '/' + name, **options)
for value in range(1, 9):
    attribute = xmp(f'tiff:Orientation="{value}"/>')
    save(f'exif-{value}.jpg', exif=exif(value))
    save(f'exif-{value}.png', exif=exif(value))
    save(f'exif-{value}.webp', exif=exif(value), lossless=True)
    save(f'xmp-{value}.jpg', xmp=attribute)
    save(f'xmp-{value}.webp', xmp=attribute, lossless=True)
save('element.jpg', xmp=xmp('><tiff:Orientation>6</tiff:Orientation></rdf:Description>'))
save('both.jpg', exif=exif(3), xmp=xmp('tiff:Orientation="6"/>'))
save('beyond.jpg', xmp=xmp('tiff:Orientation="9"/>'))
import os
for name in sorted(os.listdir(folder)):
    with Image.open(folder + '/' + name) as opened:
        turned = ImageOps.exif_transpose(opened).convert('RGB')
        facts[name] = [turned.size, hashlib.sha256(turned.tobytes()).hexdigest(), hashlib.sha256(ImageOps.invert(turned).tobytes()).hexdigest()]
print(json.dumps(facts))
`

type Facts = Record<string, readonly [size: readonly [number, number], upright: string, inverted: string]>

describe('exifOrientation', () => {
  let folder = ''
  before(() => (folder = mkdtempSync(join(tmpdir(), 'napi-torch-orientation-'))))
  after(() => rmSync(folder, { recursive: true }))

  itWithPython('turns images as Pillow does, by EXIF and by XMP', async () => {
    const { createHash } = await import('node:crypto')
    const facts = JSON.parse(python(WRITE, [folder])) as Facts
    const digest = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

    const actual: Record<string, unknown> = {}
    for (const name of Object.keys(facts)) {
      const { data, width, height } = await decodeImage(join(folder, name), { exifOrientation: true })
      actual[name] = [[width, height], digest(data)]
    }

    const expected = Object.fromEntries(Object.entries(facts).map(([name, [size, upright]]) => [name, [size, upright]]))
    assert.deepEqual(actual, expected)
    assert.equal(Object.keys(facts).length, 43)
  })
})

describe('invert', () => {
  it('inverts an image before anything else', async () => {
    const image: Image = { data: Uint8Array.of(0, 10, 255, 1, 2, 3), height: 1, width: 2, channels: 3 }
    const inverted: Image = { ...image, data: image.data.map((byte) => 255 - byte) }
    const plain = presets.cifar()
    const preset = new ImagePreset({ ...plain.settings, invert: true })

    const [one, other] = [await preset.apply(image), await plain.apply(inverted)]

    assert.deepEqual(one.toFloat32Array(), other.toFloat32Array())
    assert.deepEqual([...image.data], [0, 10, 255, 1, 2, 3])
    assert.match(String(preset), /^invert, Compose/)
    for (const tensor of [one, other]) tensor.dispose()
  })
})
