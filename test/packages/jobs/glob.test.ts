import assert from 'node:assert/strict'
import { resolve } from 'node:path'

import { isGlob, parseGlob } from '../../../packages/jobs/lib/sources/glob.js'

describe('parseGlob()', () => {
  const cases: readonly (readonly [pattern: string, fits: readonly string[], others: readonly string[]])[] = [
    ['/data/*.jpg', ['a.jpg', 'a.b.jpg'], ['a.png', 'x/a.jpg', '.a.jpg', 'a.jpgs']],
    ['/data/**/*.jpg', ['a.jpg', 'x/a.jpg', 'x/y/a.jpg'], ['a.png', '.x/a.jpg', 'x/.a.jpg']],
    ['/data/**', ['a', 'x/a.jpg'], ['.a', 'x/.y/a']],
    ['/data/20??-*/a.jpg', ['2026-01/a.jpg'], ['206-01/a.jpg', '2026/a.jpg', '2026-01/x/a.jpg']],
    ['/data/*.{jpg,png}', ['a.jpg', 'a.png'], ['a.gif', 'a.jpg,png']],
    ['/data/[a-c]1.[!x]', ['b1.y'], ['d1.y', 'b1.x']],
    ['/data/*(1)+.jpg', ['photo(1)+.jpg'], ['photo1.jpg', 'photo(1)(1).jpg']],
    ['/data/?.jpg', ['ä.jpg', '😀.jpg'], ['ab.jpg']],
  ]
  for (const [pattern, fits, others] of cases) {
    it(`takes ${fits.join(', ')} and not ${others.join(', ')} for ${pattern}`, () => {
      const glob = parseGlob(pattern)

      assert.deepEqual(
        [...fits, ...others].filter((path) => glob.isWanted(path)),
        fits,
      )
      assert.equal(glob.base, '/data')
    })
  }

  it('enters those folders only that may hold something that fits', () => {
    const glob = parseGlob('/data/2026-*/raw/**/*.jpg')

    const folders = [
      '2026-01',
      '2025-01',
      '2026-01/raw',
      '2026-01/small',
      '2026-01/raw/any/depth',
      '2026-01/raw/.hidden',
    ]
    assert.deepEqual(
      folders.filter((folder) => glob.isEntered(folder)),
      ['2026-01', '2026-01/raw', '2026-01/raw/any/depth'],
    )
  })

  it('does not enter folders deeper than the pattern', () => {
    assert.equal(parseGlob('/data/*/*.jpg').isEntered('a/b'), false)
  })

  it('begins at the working directory, or at the root, where the first part is a pattern', () => {
    assert.deepEqual([parseGlob('*.jpg').base, parseGlob('/*.jpg').base], [resolve('.'), '/'])
  })
})

describe('isGlob()', () => {
  it('tells patterns from paths', () => {
    assert.deepEqual(['a/*.jpg', 'a/?.jpg', 'a/[b].jpg', 'a/{b,c}', 'a/b.jpg'].map(isGlob), [
      true,
      true,
      true,
      true,
      false,
    ])
  })
})
