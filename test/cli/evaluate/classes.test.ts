import assert from 'node:assert/strict'

import { matchClasses } from '../../../lib/cli/evaluate/classes.js'
import { loadLabels } from '../../../lib/vision/labels.js'
import type { Dataset } from '../../../lib/vision/dataset.js'

/** Folders of that names, in the order in which a dataset has them. */
function datasetOf(...classes: readonly string[]): Dataset {
  return { classes: [...classes].sort() } as unknown as Dataset
}

const architecture = { numClasses: 1000 } as Parameters<typeof matchClasses>[1]['architecture']

describe('matchClasses()', () => {
  const folders = datasetOf('n03394916', 'n02102040', 'n01440764')

  it("knows ImageNet's classes by their ids in WordNet, in a part of its folders too", async () => {
    const labels = await loadLabels('imagenet')

    const { classOf, match } = await matchClasses(folders, { labels, architecture })

    assert.equal(match, 'name')
    assert.deepEqual(
      classOf?.map((index) => labels[index]),
      ['tench', 'English springer', 'French horn'],
    )
  })

  it('calls the classes by those ids where the model names none', async () => {
    const { labels, classOf } = await matchClasses(folders, { labels: null, architecture })

    assert.deepEqual([classOf, labels[217]], [[0, 217, 566], 'n02102040'])
  })

  it('takes such names for nothing known where the model has other classes', async () => {
    const labels = Array.from({ length: 1000 }, (_, index) => `class ${index}`)

    await assert.rejects(matchClasses(folders, { labels, architecture }), {
      code: 'TORCH_DATASET',
      message: /has 3 classes: n01440764, n02102040, n03394916; the model has 1,000 classes: class 0/,
    })
  })

  it('refuses an id that ImageNet lacks', async () => {
    const labels = await loadLabels('imagenet')

    await assert.rejects(matchClasses(datasetOf('n01440764', 'n99999999'), { labels, architecture }), {
      code: 'TORCH_DATASET',
      message: /has 1 class that the model lacks: n99999999/,
    })
  })
})
