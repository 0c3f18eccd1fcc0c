import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { copyInto, emptyStage, readPackageJson, ROOT, writeJson } from './files.js'
import { finish } from './finish.js'
import { publishedManifest } from './manifest.js'

const MODEL = 'models/fashion-mnist'

/** For the tests of this package only. */
const NOT_PUBLISHED = 't10k-logits.f32.bin'

/** Puts the package of the sample model together and gives its folder. Its version is the main package's. */
export function stageSampleModelPackage(): string {
  const manifest = readPackageJson('packages/fashion-mnist/package.json')
  const folder = emptyStage(manifest.name)
  for (const name of readdirSync(join(ROOT, MODEL))) {
    if (name !== NOT_PUBLISHED) copyInto(join(ROOT, MODEL, name), join(folder, name))
  }
  finish(folder, manifest.version, [], MODEL)
  copyInto(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))
  writeJson(join(folder, 'package.json'), publishedManifest(manifest, {}, MODEL))
  return folder
}
