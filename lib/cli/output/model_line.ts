import type { OpenedModel } from '../../model/open.js'
import { plural, printable } from './text.js'

/** What {@link modelLine} prints. */
export type ModelFacts = Pick<OpenedModel, 'architecture' | 'presetName' | 'labelsName' | 'isPresetGuessed'>

/** Says which model predicts and how its images are prepared: `resnet18, 1,000 classes, preset imagenet, labels imagenet`. */
export function modelLine({ architecture, presetName, labelsName, isPresetGuessed }: ModelFacts): string {
  const { name, numClasses } = architecture
  const guess = isPresetGuessed ? ' (guessed from the architecture; set them with --preset and --labels)' : ''
  const classes = plural(numClasses, 'class', 'classes')
  return `${name}, ${classes}, preset ${printable(presetName)}, labels ${printable(labelsName)}${guess}`
}
