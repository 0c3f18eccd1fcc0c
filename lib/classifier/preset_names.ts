/** Names of the presets of this package. They stand here, as the presets themselves need libtorch. */
export const PRESETS = ['imagenet', 'cifar', 'fashion-mnist'] as const

/** One of {@link PRESETS}. */
export type PresetName = (typeof PRESETS)[number]
