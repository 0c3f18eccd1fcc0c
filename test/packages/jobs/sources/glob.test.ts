import assert from 'node:assert/strict'
import { resolve } from 'node:path'

import { isGlob, parseGlob } from '../../../../packages/jobs/lib/sources/glob.js'

describe('parseGlob()', () => {
  const cases: readonly (readonly [pattern: string, fits: readonly string[], others: readonly string[]])[] = [
    ['/data/*.jpg', ['a.jpg', 'a.b.jpg'], ['a.png', 'x/a.jpg', '.a.jpg', 'a.jpgs']],
    ['/data/**/*.jpg', ['a.jpg', 'x/a.jpg', 'x/y/a.jpg'], ['a.png', '.x/a.jpg', 'x/.a.jpg']],
    ['/data/**', ['a', 'x/a.jpg'], ['.a', 'x/.y/a']],
    ['/data/20??-*/a.jpg', ['2026-01/a.jpg'], ['206-01/a.jpg', '2026/a.jpg', '2026-01/x/a.jpg']],
    ['/data/*.{jpg,png}', ['a.jpg', 'a.png'], ['a.gif', 'a.jpg,png']],
    ['/data/[a-c]1.[!x]', ['b1.y'], ['d1.y', 'b1.x']],
    ['/data/*(1)+.jpg', ['photo(1)+.jpg'], ['photo1.jpg', 'photo(1)(1).jpg']],
    ['/data/?.jpg', ['ä.jpg', '😀.jpg'], ['ab.jpg', '.jpg']],
    ['/data/*.{jp{,e}g,png}', ['a.jpg', 'a.jpeg', 'a.png'], ['a.jp', 'a.gif', 'a.jp{,e}g']],
    ['/data/{a/b,c}/*.jpg', ['a/b/1.jpg', 'c/1.jpg'], ['a/1.jpg', 'b/1.jpg']],
    ['/data/{x,}*.jpg', ['a.jpg', 'xa.jpg'], ['.a.jpg']],
    ['/data/{1..3}-{08..11}.jpg', ['1-08.jpg', '3-11.jpg'], ['4-08.jpg', '1-8.jpg', '1-12.jpg']],
    ['/data/{a,b', ['{a,b'], ['a', 'b']],
    ['/data/\\*.jpg', ['*.jpg'], ['a.jpg', '\\*.jpg']],
    ['/data/a\\{b,c\\}*', ['a{b,c}d'], ['ab', 'ac']],
    ['/data/{a\\,b,c}.jpg', ['a,b.jpg', 'c.jpg'], ['a.jpg', 'b.jpg']],
    ['/data/\\[1\\]/*', ['[1]/a'], ['1/a']],
    ['/data/[[]1].jpg', ['[1].jpg'], ['1.jpg']],
    ['/data/[!a-c]*', ['d'], ['a', '.d']],
    ['/data/[[:digit:]]*', ['1a'], ['a1']],
    ['/data/[ab*', ['[abc'], ['a', 'b']],
    ['/data/.*', ['.a'], ['a']],
    ['/data/**/.x/*', ['.x/a', 'y/.x/a'], ['x/a', '.x/.a']],
    ['/data/[a]/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/.x/b', 'b']],
    ['/data/a**b', ['ab', 'axb'], ['ax/yb']],
    ['/data/*.JPG', ['a.JPG'], ['a.jpg', 'a.Jpg']],
    ['/data/!a*', ['!ab'], ['b']],
    ['/data/#*', ['#a'], ['a']],
    ['/data/@(a|b)*', ['@(a|b)c'], ['a', 'b', 'ac']],
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

  for (const [pattern, entered, left] of [
    ['/data/*/*.jpg', ['a'], ['a/b', '.a']],
    ['/data/*.jpg', [], ['a', 'a.jpg']],
    ['/data/{a/b,c}/*.jpg', ['a', 'a/b', 'c'], ['b', 'c/b', 'a/b/c']],
    ['/data/\\[1\\]*/**', ['[1]', '[1]a/b/c'], ['1', '[1]/.b']],
    ['/data/**/.x/*', ['a', '.x', 'a/.x'], ['.y', 'a/.y']],
  ] as const) {
    it(`enters ${entered.join(', ') || 'no folder'} and not ${left.join(', ')} for ${pattern}`, () => {
      const glob = parseGlob(pattern)

      assert.deepEqual(
        [...entered, ...left].filter((folder) => glob.isEntered(folder)),
        entered,
      )
    })
  }

  it('refuses a pattern whose braces stand for more than 1000', () => {
    assert.equal(parseGlob(`/data/${'{a,b}'.repeat(9)}`).isWanted('ababababa'), true)
    assert.throws(() => parseGlob(`/data/${'{a,b}'.repeat(10)}`), {
      code: 'TORCH_DATASET',
      message: `${'{a,b}'.repeat(10)}: Cannot be used as a pattern: its braces stand for more than 1000`,
    })
  })

  it('refuses a pattern that is too long', () => {
    assert.throws(() => parseGlob(`*${'x'.repeat(70_000)}`), {
      code: 'TORCH_DATASET',
      message: `*${'x'.repeat(59)}…: Cannot be used as a pattern: pattern is too long`,
    })
  })

  it('begins at the working directory, or at the root, where the first part is a pattern', () => {
    assert.deepEqual([parseGlob('*.jpg').base, parseGlob('/*.jpg').base], [resolve('.'), '/'])
  })
})

describe('isGlob()', () => {
  it('tells patterns from paths', () => {
    const patterns = ['a/*.jpg', 'a/?.jpg', 'a/[b].jpg', 'a/{b,c}', 'a\\*']
    const paths = ['a/b.jpg', 'a (1)/b!+@.jpg']

    assert.deepEqual([...patterns, ...paths].filter(isGlob), patterns)
  })
})
