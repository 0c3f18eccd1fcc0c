import type { OpenedModel } from '../../model/open.js'
import { plural, printable } from './text.js'

/** What {@link modelLine} prints. */
export type ModelFacts = Pick<OpenedModel, 'architecture' | 'presetName' | 'labelsName' | 'isPresetGuessed'>

/** Keys that the note names. */
const MAX_KEYS = 3

/** Says what a checkpoint holds beside its network; null where it holds nothing else. */
export function unusedNote({ unused }: Pick<OpenedModel, 'unused'>): string | null {
  if (unused.length === 0) return null
  const keys = unused.slice(0, MAX_KEYS).map(printable).join(', ') + (unused.length > MAX_KEYS ? ', …' : '')
  return `Note: Left out ${plural(unused.length, 'key')} beside the network: ${keys}`
}

/** Says which model predicts and how its images are prepared: `resnet18, 1,000 classes, preset imagenet, labels imagenet`. */
export function modelLine({ architecture, presetName, labelsName, isPresetGuessed }: ModelFacts): string {
  const { name, numClasses } = architecture
  const guess = isPresetGuessed ? ' (guessed from the architecture; set them with --preset and --labels)' : ''
  const classes = plural(numClasses, 'class', 'classes')
  return `${name}, ${classes}, preset ${printable(presetName)}, labels ${printable(labelsName)}${guess}`
}
