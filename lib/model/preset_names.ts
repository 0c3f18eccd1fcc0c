/** Names of the presets of this package, in a file of their own, so that a command line can list them without the presets. */
export const PRESETS = ['imagenet', 'cifar', 'fashion-mnist'] as const

/** One of {@link PRESETS}. */
export type PresetName = (typeof PRESETS)[number]

/** See {@link OutputActivation}. */
export { ACTIVATIONS } from '../vision/activations.js'
export { STEMS } from '../models/recognize/stems.js'
