import assert from 'node:assert/strict'

import { splitByContent } from '../../lib/train/split_by_content.js'

/** Facts of samples that all differ. */
const facts = (labels: readonly number[]): Parameters<typeof splitByContent>[0] => {
  return { labels, contents: labels.map((_, index) => String(index)) }
}

describe('splitByContent()', () => {
  const labels = Array.from({ length: 110 }, (_, index) => (index < 100 ? 0 : 1))

  it('takes its share of each class, and each sample once', () => {
    const { train, validation } = splitByContent(facts(labels), 0.2, 1)

    assert.deepEqual(
      [0, 1].map((label) => validation.filter((index) => labels[index] === label).length),
      [20, 2],
    )
    assert.deepEqual(
      [...train, ...validation].sort((a, b) => a - b),
      [...labels.keys()],
    )
  })

  it('draws by its seed', () => {
    const [one, same, other] = [1, 1, 2].map((seed) => splitByContent(facts(labels), 0.2, seed))

    assert.deepEqual(one, same)
    assert.notDeepEqual(one, other)
  })

  it('measures by at least one sample of a class, trains on at least one, and leaves out what has no label', () => {
    const { train, validation } = splitByContent(facts([0, 0, 1, 1, 2, -1]), 0.01, 3)

    assert.deepEqual([train.length, validation.length], [3, 2])
    assert.ok(train.includes(4))
  })

  it('keeps samples of one content together', () => {
    const same = { labels: labels.map(() => 0), contents: labels.map((_, index) => String(index % 11)) }

    const { train, validation } = splitByContent(same, 0.3, 4)

    const contentsOf = (indices: readonly number[]): Set<string | undefined> =>
      new Set(indices.map((index) => same.contents[index]))
    assert.deepEqual([contentsOf(train).size, contentsOf(validation).size], [8, 3])
    assert.deepEqual(
      [...contentsOf(train)].filter((content) => contentsOf(validation).has(content)),
      [],
    )
  })
})
