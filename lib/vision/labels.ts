import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TextDecoder } from 'node:util'

import { checkPositiveInteger, expected, shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { reasonOf } from '../util/errno.js'
import { FILE_INPUT, readFileInput, type FileInput } from '../util/file_input.js'
import { PACKAGE_ROOT } from '../util/package.js'

/** The lists of class names that come with this package, in the order of the models' outputs. */
export const LABEL_LISTS = ['imagenet', 'cifar10', 'fashion-mnist'] as const

/** One of {@link LABEL_LISTS}. */
export type LabelList = (typeof LABEL_LISTS)[number]

/**
 * ILSVRC 2012: index → id in WordNet and name, which is torchvision's; its license lies beside it. Read when it is asked for:
 * few processes need it.
 */
const IMAGENET_FILE = join(PACKAGE_ROOT, 'lib', 'vision', 'imagenet_labels.json')

/** A million classes of 16 letters. */
const MAX_LABELS_BYTES = 16 * 2 ** 20

const SHORT_LISTS: Readonly<Record<Exclude<LabelList, 'imagenet'>, readonly string[]>> = {
  // Learning Multiple Layers of Features from Tiny Images, Krizhevsky 2009.
  cifar10: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  // Fashion-MNIST's README, MIT License, Zalando SE 2017.
  'fashion-mnist': [
    'T-shirt/top',
    'Trouser',
    'Pullover',
    'Dress',
    'Coat',
    'Sandal',
    'Shirt',
    'Sneaker',
    'Bag',
    'Ankle boot',
  ],
}

/**
 * Gives class names in the order of a model's outputs: a list of {@link LABEL_LISTS} by its name, or those of a file of
 * at most 16 MiB: a path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
 *
 * A text file has one name a line. A JSON file has an array of names, or an object from index to name; the name may be
 * the last of several strings, as in Keras' `imagenet_class_index.json`.
 *
 * @throws {TorchError} `TORCH_LABELS` if the file cannot be read or is of another kind.
 */
export async function loadLabels(
  listOrFile: LabelList | (string & {}) | Exclude<FileInput, string>,
): Promise<readonly string[]> {
  if (typeof listOrFile === 'string' && isShortList(listOrFile)) return SHORT_LISTS[listOrFile]

  const file = listOrFile === 'imagenet' ? IMAGENET_FILE : listOrFile
  const path = typeof file === 'string' ? file : 'the labels'
  const text = new TextDecoder().decode(
    await readFileInput(file, {
      name: 'labels',
      what: `the name of a list or ${FILE_INPUT}`,
      code: 'TORCH_LABELS',
      maxBytes: MAX_LABELS_BYTES,
      tooLarge: (reason) => new TorchError('TORCH_LABELS', reason),
    }),
  )
  const labels = /^\s*[[{]/.test(text) ? fromJson(path, text) : fromLines(path, text)
  if (labels.length === 0) throw failure(path, 'Holds no labels')
  return labels
}

/** Gives the ids in WordNet of ImageNet's classes, such as n01440764, which are the names of its folders, in the order of the labels. */
export async function imagenetIds(): Promise<readonly string[]> {
  const entries = JSON.parse(await readFile(IMAGENET_FILE, 'utf8')) as Readonly<Record<number, readonly [id: string]>>
  return Array.from({ length: Object.keys(entries).length }, (_, index) => entries[index]?.[0] ?? '')
}

/** @throws {TorchError} `TORCH_LABELS` unless there are as many labels as a model has classes. */
export function checkLabels(labels: readonly string[], numClasses: number): readonly string[] {
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string')) {
    throw expected('an array of strings', 'labels', labels)
  }
  if (labels.length === checkPositiveInteger('numClasses', numClasses)) return labels
  throw new TorchError(
    'TORCH_LABELS',
    `Expected ${numClasses} labels, one a class of the model, received ${labels.length}`,
  )
}

function isShortList(name: string): name is keyof typeof SHORT_LISTS {
  return Object.hasOwn(SHORT_LISTS, name)
}

function fromLines(path: string, text: string): readonly string[] {
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim())
  while (lines.at(-1) === '') lines.pop()
  const blank = lines.indexOf('')
  if (blank >= 0) throw failure(path, `Line ${blank + 1} is blank, expected a label`)
  return lines
}

function fromJson(path: string, text: string): readonly string[] {
  const value = parse(path, text)
  const count = Array.isArray(value) ? value.length : Object.keys(value).length
  return Array.from({ length: count }, (_, index) => {
    if (!Object.hasOwn(value, index)) throw failure(path, `Has no label for class ${index} of ${count}`)
    const entry: unknown = Reflect.get(value, index)
    const label: unknown = Array.isArray(entry) ? entry.at(-1) : entry
    if (typeof label !== 'string') throw failure(path, `The label of class ${index} is not a string`)
    return label
  })
}

function parse(path: string, text: string): object {
  try {
    return JSON.parse(text) as object // It begins with a bracket or a brace.
  } catch (cause) {
    throw failure(path, `Is not valid JSON: ${reasonOf(cause)}`, cause)
  }
}

function failure(path: string, text: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_LABELS', `${shorten(path)}: ${text}`, { cause })
}
