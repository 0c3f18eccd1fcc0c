import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Layer {
  readonly name: string
  /** Folders end in a slash; all are relative to lib/. */
  readonly files: readonly string[]
}

const fromRoot = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url))

const { LAYERS } = (await import(fromRoot('eslint.config.js'))) as { readonly LAYERS: readonly (readonly Layer[])[] }

describe('The layers of eslint.config.js', () => {
  it('are those of the table in CONTRIBUTING.md', () => {
    const table = readFileSync(fromRoot('CONTRIBUTING.md'), 'utf8').split('<!-- layers -->')[1] ?? ''
    const rows = [...table.matchAll(/^\| (`lib.+?) \|/gm)].map(([, row = '']) => row)

    // Several files of one layer may import each other; layers of one row may not.
    const wanted = LAYERS.map((row) =>
      row.map(({ files }) => files.map((file) => `\`lib/${file}\``).join(' with ')).join(', '),
    )
    assert.deepEqual(rows, wanted)
  })

  it('have a place for each file and folder of lib/', () => {
    const known = LAYERS.flat().flatMap(({ files }) => files)
    const present = readdirSync(fromRoot('lib'), { withFileTypes: true }).map((entry) =>
      entry.isDirectory() ? `${entry.name}/` : entry.name,
    )

    assert.deepEqual(
      present.filter((entry) => !known.includes(entry)),
      [],
    )
  })
})
