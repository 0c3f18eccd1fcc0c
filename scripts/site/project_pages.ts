import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../package/files.js'

/** A folder of the site that git ignores. */
const FOLDER = join(ROOT, 'docs', 'project')

/** Pages of the repository that the site shows as well, by their names there. */
export const PROJECT_PAGES: Readonly<Record<string, string>> = {
  'CHANGELOG.md': 'project/changelog.md',
  'UPGRADING.md': 'project/upgrading.md',
  'CONTRIBUTING.md': 'project/contributing.md',
  'models/fashion-mnist/README.md': 'project/sample_model.md',
}

/** Copies the pages. Their links stay as they are: they are read from where the page comes from. */
export function writeProjectPages(): void {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  for (const [source, page] of Object.entries(PROJECT_PAGES)) {
    writeFileSync(join(ROOT, 'docs', page), readFileSync(join(ROOT, source), 'utf8'))
  }
}
