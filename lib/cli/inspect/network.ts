import { foldState } from '../../checkpoint/state_dict/fold.js'
import { joinAttention } from '../../checkpoint/state_dict/join_attention.js'
import type { FoundStateDict } from '../../checkpoint/state_dict/find.js'
import type { Checkpoint } from '../../checkpoint/read.js'
import { findLabels } from '../../model/labels_in_file.js'
import { renamings } from '../../model/read.js'
import type { Architecture } from '../../models/architecture.js'
import { recognize, type RecognizeOptions } from '../../models/recognize/recognize.js'
import { TorchError } from '../../util/errors.js'
import { messageOf } from '../output/errors.js'
import { plural, printable } from '../output/text.js'

/** The network of a checkpoint, as `inspect` reports it. */
export interface NetworkReport {
  /** Null where it is not recognized. */
  readonly architecture: Architecture | null
  /** Why the architecture is null. */
  readonly architectureError: string | null
  /** Keys of the model that is built, each with the key of the file, where they differ by more than the prefix. */
  readonly renamed: Readonly<Record<string, string>>
  /** Keys of the state dict that are no part of the network. */
  readonly unused: readonly string[]
  /** Names of the classes that stand in the file, where they fit. */
  readonly labels: readonly string[] | null
}

/** Items that a line names. */
const MAX_SHOWN = 4

/** Recognizes the network of a state dict; what is wrong is a part of the report. */
export function describeNetwork(
  checkpoint: Checkpoint,
  { tensors }: FoundStateDict,
  options: RecognizeOptions,
): NetworkReport {
  try {
    const folded = joinAttention(foldState(tensors, { path: checkpoint.path ?? undefined }))
    const { architecture, keys, unused } = recognize(folded, options)
    const renamed = Object.fromEntries(renamings(keys, architecture.prefix))
    const labels = findLabels(checkpoint.root, architecture.numClasses)
    return { architecture, architectureError: null, renamed, unused, labels }
  } catch (error) {
    const isKnown =
      error instanceof TorchError &&
      (error.code === 'TORCH_ARCHITECTURE' || error.code === 'TORCH_CHECKPOINT_UNSUPPORTED')
    if (!isKnown) throw error
    return { architecture: null, architectureError: messageOf(error), renamed: {}, unused: [], labels: null }
  }
}

/** Gives the lines of a report that say more than the architecture. */
export function* networkLines({ renamed, unused, labels }: NetworkReport): Generator<[string, string]> {
  const pairs = Object.entries(renamed)
  const [first] = pairs
  if (first !== undefined) {
    const [ours, theirs] = first
    yield ['renamed', `${plural(pairs.length, 'key')}, such as ${printable(theirs)} → ${printable(ours)}`]
  }
  if (unused.length > 0) yield ['unused', `${plural(unused.length, 'key')}: ${shown(unused)}`]
  if (labels !== null) yield ['classes', `${shown(labels)} (${labels.length})`]
}

function shown(items: readonly string[]): string {
  return items.slice(0, MAX_SHOWN).map(printable).join(', ') + (items.length > MAX_SHOWN ? ', …' : '')
}
