import type { Recipe } from '../classifier/recipe.js'
import type { Architecture } from '../models/detect.js'
import { plural, printable } from './format.js'

/** Says which model answers, and how its images are prepared: `resnet18, 1,000 classes, preset imagenet, labels imagenet`. */
export function modelLine({ name, numClasses }: Architecture, { presetName, labelsName, isGuess }: Recipe): string {
  const choice = isGuess ? ' (by the architecture; --preset and --labels choose others)' : ''
  const classes = plural(numClasses, 'class', 'classes')
  return `${name}, ${classes}, preset ${printable(presetName)}, labels ${printable(labelsName)}${choice}`
}
