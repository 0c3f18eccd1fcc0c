/**
 * How outputs become probabilities: `softmax`, where each image shows one of the classes, or `sigmoid`, where each output stands for
 * itself, as in a model of several labels or of one output.
 */
export const ACTIVATIONS = ['softmax', 'sigmoid'] as const

/** One of {@link ACTIVATIONS}. */
export type OutputActivation = (typeof ACTIVATIONS)[number]
