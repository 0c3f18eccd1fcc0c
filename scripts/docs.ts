/**
 * Builds the documentation site into build/site, or serves it while its pages are written. Nothing is downloaded.
 *
 * npm run docs [-- --base /napi-torch/]
 * npm run docs:dev
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { build, createServer } from 'vitepress'

import { ROOT } from './package/files.js'
import { writeApiPages } from './site/api_pages.js'
import { writeProjectPages } from './site/project_pages.js'

const DOCS = join(ROOT, 'docs')

const { values } = parseArgs({ options: { dev: { type: 'boolean', default: false }, base: { type: 'string' } } })

writeProjectPages()
await writeApiPages()
if (values.dev) {
  const server = await createServer(DOCS)
  await server.listen()
  server.printUrls()
} else {
  await build(DOCS, values.base === undefined ? {} : { base: values.base })
}
