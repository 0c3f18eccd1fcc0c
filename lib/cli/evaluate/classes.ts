import type { OpenedModel } from '../../model/open.js'
import { quote } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import { CsvDataset } from '../../vision/csv_dataset.js'
import type { Dataset } from '../../vision/dataset.js'
import { IdxDataset } from '../../vision/idx_dataset.js'
import { imagenetIds, loadLabels } from '../../vision/labels.js'
import { plural } from '../output/text.js'

/** The ways to tell which class of the model a class of the dataset is. */
export const MATCHES = ['name', 'index', 'order'] as const

/** One of {@link MATCHES}. */
export type Match = (typeof MATCHES)[number]

/** How the classes of a dataset stand for those of the model. */
export interface MatchedClasses {
  /** Names of the model's classes, or of the dataset's where the model has none. */
  readonly labels: readonly string[]
  /** Class of the model for each class of the dataset. Default: the same index. */
  readonly classOf?: readonly number[] | undefined
  readonly match: Match
  /** What the user should know of a match that was guessed, or null. */
  readonly note: string | null
}

/** Names that a message lists; the others are counted. */
const MAX_NAMED = 5

/**
 * Matches the classes of a dataset with the classes of the model.
 *
 * Names are compared without case, accents and punctuation; ImageNet's classes are known by their ids in WordNet too. Where no
 * class of the dataset has the name of one of the model's, integers are indices, and else the order decides, as in training on
 * such folders; then both must have as many classes.
 *
 * @param how - Takes one way alone. Default: the first one that fits.
 * @throws {TorchError} `TORCH_DATASET` if the classes do not fit, `TORCH_ARCHITECTURE` if the model has fewer than two.
 */
export async function matchClasses(
  dataset: Dataset,
  { labels, architecture: { numClasses } }: Pick<OpenedModel, 'labels' | 'architecture'>,
  how?: Match,
): Promise<MatchedClasses> {
  if (numClasses < 2) {
    const head = numClasses === 0 ? 'no head' : 'one output'
    const message = `Accuracy counts the largest of several outputs, but the model has ${head}`
    throw new TorchError('TORCH_ARCHITECTURE', message)
  }
  const { classes } = dataset
  const others = await otherNames(classes, labels, numClasses)
  const names = new ClassNames(classes, labels, numClasses, others)
  // An IDX file and a list of integers hold indices, and no names.
  if (dataset instanceof IdxDataset || (dataset instanceof CsvDataset && !dataset.isNamed)) {
    if (classes.length > numClasses) throw names.fault('has indices that the model lacks')
    return { labels: labels ?? classes, match: 'index', note: null }
  }
  if (how === 'name') return names.byName()
  if (how === 'index') return names.byIndex()
  if (how === 'order') return { ...names.byOrder(), note: null }
  if (names.hasMatch) return names.byName()
  if (names.areIndices) return names.byIndex()
  return names.byOrder()
}

/** Gives the ids of ImageNet's classes where the folders have such names, and the model has those classes or names none. */
async function otherNames(
  classes: readonly string[],
  labels: readonly string[] | null,
  numClasses: number,
): Promise<readonly string[]> {
  if (!classes.every((name) => /^n\d{8}$/.test(name))) return []
  const ids = await imagenetIds()
  if (labels === null) return numClasses === ids.length ? ids : []
  const known = await loadLabels('imagenet')
  return labels.length === known.length && labels.every((label, index) => label === known[index]) ? ids : []
}

class ClassNames {
  readonly #classes: readonly string[]
  readonly #labels: readonly string[] | null
  readonly #numClasses: number
  /** Other names of the model's classes, or none. */
  readonly #others: readonly string[]
  /** Class of the model for each class of the dataset, by name; -1 where there is none. */
  readonly #classOf: readonly number[]

  constructor(
    classes: readonly string[],
    labels: readonly string[] | null,
    numClasses: number,
    others: readonly string[],
  ) {
    this.#classes = classes
    this.#labels = labels
    this.#numClasses = numClasses
    this.#others = others
    const byOther = uniqueIndices(others)
    this.#classOf = indicesByName(classes, labels ?? []).map((found, index) => {
      return found >= 0 ? found : (byOther.get(classes[index] ?? '') ?? -1)
    })
  }

  get hasMatch(): boolean {
    return this.#classOf.some((label) => label >= 0)
  }

  get areIndices(): boolean {
    return this.#classes.every((name) => /^\d{1,6}$/.test(name) && Number(name) < this.#numClasses)
  }

  byName(): MatchedClasses {
    const unknown = this.#classes.filter((_, index) => this.#classOf[index] === -1)
    if (unknown.length > 0) {
      const named = plural(unknown.length, 'class', 'classes')
      throw this.fault(`has ${named} that the model lacks: ${listed(unknown)}`)
    }
    const twice = this.#classOf.findIndex((label, index) => this.#classOf.indexOf(label) !== index)
    if (twice >= 0) {
      const other = this.#classes[this.#classOf.indexOf(this.#classOf[twice] ?? -1)] ?? ''
      throw this.fault(`has two names for one class, ${quote(other)} and ${quote(this.#classes[twice] ?? '')}`)
    }
    return { labels: this.#labels ?? this.#others, classOf: this.#classOf, match: 'name', note: null }
  }

  byIndex(): MatchedClasses {
    if (!this.areIndices) throw this.fault(`has names that are no indices of the model: ${listed(this.#classes)}`)
    const classOf = this.#classes.map(Number)
    const isInOrder = classOf.every((label, index) => label === index)
    const note = isInOrder
      ? null
      : "The names of the classes are taken for indices; torchvision's order of such folders is another one (--match order)"
    return { labels: this.#labels ?? numbered(this.#numClasses), classOf, match: 'index', note }
  }

  byOrder(): MatchedClasses {
    const { length } = this.#classes
    if (length !== this.#numClasses) {
      throw this.fault(`has ${plural(length, 'class', 'classes')}: ${listed(this.#classes)}`)
    }
    const [first = ''] = this.#classes
    const note =
      this.#labels === null
        ? `The classes are matched by their order, as the model has no names: ${quote(first)} is class 0`
        : `The classes are matched by their order, as their names are not the model's: ${quote(first)} is ${quote(this.#labels[0] ?? '')}`
    return { labels: this.#classes, match: 'order', note }
  }

  fault(what: string): TorchError {
    const known = this.#labels === null ? '' : `: ${listed(this.#labels)}`
    const text = `The dataset ${what}; the model has ${plural(this.#numClasses, 'class', 'classes')}${known}`
    return new TorchError('TORCH_DATASET', text)
  }
}

/** Gives the label of each name, or -1. An exact name is preferred; of several labels that are the same but for punctuation, none is found. */
function indicesByName(names: readonly string[], labels: readonly string[]): number[] {
  const [exact, similar] = [uniqueIndices(labels), uniqueIndices(labels.map(plain))]
  return names.map((name) => exact.get(name) ?? similar.get(plain(name)) ?? -1)
}

function uniqueIndices(labels: readonly string[]): Map<string, number> {
  const indices = new Map<string, number>()
  for (const [index, label] of labels.entries()) indices.set(label, indices.has(label) ? -1 : index)
  return indices
}

/** Letters and digits alone, in lower case and without accents. A name without any stays as it is. */
function plain(name: string): string {
  const letters = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
  return letters === '' ? name : letters
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index}`)
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMED).map((name) => (name.length > 40 ? `${name.slice(0, 39)}…` : name))
  const others = names.length - shown.length
  return `${shown.join(', ')}${others > 0 ? ` and ${others} more` : ''}`
}
