import assert from 'node:assert/strict'
import { join } from 'node:path'

import { checkLabels, loadLabels } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'

describe('loadLabels()', () => {
  it("gives ImageNet's 1,000 labels, dog among them", async () => {
    const labels = await loadLabels('imagenet')

    assert.deepEqual(
      [labels.length, new Set(labels).size, labels[0], labels[258], labels[999]],
      [1000, 1000, 'tench', 'Samoyed', 'toilet tissue'],
    )
  })

  it("gives CIFAR-10's and Fashion-MNIST's labels", async () => {
    assert.deepEqual((await loadLabels('cifar10')).slice(3, 6), ['cat', 'deer', 'dog'])
    assert.deepEqual((await loadLabels('fashion-mnist'))[9], 'Ankle boot')
  })

  describe('given a file', () => {
    const folder = useTemporaryFolder()
    const load = async (name: string, content: string): Promise<readonly string[]> =>
      loadLabels(join(writeFiles(folder(), { [name]: content }), name))

    for (const [what, name, content] of [
      ['lines', 'labels.txt', 'cat\ndog, hound\nÄffle\n'],
      ['lines of Windows with a byte order mark', 'labels.txt', '\ufeffcat\r\ndog, hound\r\nÄffle\r\n\r\n'],
      ['a JSON array', 'labels.json', '["cat", "dog, hound", "Äffle"]'],
      ['a JSON object from index to label', 'labels.json', '{"1": "dog, hound", "0": "cat", "2": "Äffle"}'],
      ["Keras' class index", 'index.json', '{"0": ["n1", "cat"], "1": ["n2", "dog, hound"], "2": ["n3", "Äffle"]}'],
    ] as const) {
      it(`reads ${what}`, async () => {
        assert.deepEqual(await load(name, content), ['cat', 'dog, hound', 'Äffle'])
      })
    }

    for (const [content, text] of [
      ['', 'Holds no labels'],
      ['\n\n', 'Holds no labels'],
      ['[]', 'Holds no labels'],
      ['cat\n\ndog', 'Line 2 is blank, expected a label'],
      ['["cat", 5]', 'The label of class 1 is not a string'],
      ['{"0": "cat", "2": "dog"}', 'Has no label for class 1 of 2'],
      ['{"cat": 0}', 'Has no label for class 0 of 1'],
    ] as const) {
      it(`refuses ${JSON.stringify(content)}`, async () => {
        await assert.rejects(load('labels', content), {
          code: 'TORCH_LABELS',
          message: `${join(folder(), 'labels')}: ${text}`,
        })
      })
    }

    it('refuses broken JSON', async () => {
      await assert.rejects(load('labels', '["cat"'), { code: 'TORCH_LABELS', message: /labels: Is not valid JSON: / })
    })

    it('refuses a missing file', async () => {
      const path = join(folder(), 'none.txt')

      await assert.rejects(loadLabels(path), { code: 'TORCH_LABELS', message: `${path}: No such file` })
    })
  })
})

describe('checkLabels()', () => {
  it('gives back labels that fit the model', () => {
    assert.deepEqual(checkLabels(['cat', 'dog'], 2), ['cat', 'dog'])
  })

  it('refuses labels that do not', () => {
    assert.throws(() => checkLabels(['cat', 'dog'], 3), {
      code: 'TORCH_LABELS',
      message: 'Expected 3 labels, one a class of the model, received 2',
    })
  })
})
