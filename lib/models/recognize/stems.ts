/** What the user says of a stem where keys cannot tell: whether a max-pool follows the first convolution. */
export const STEMS = ['no-maxpool', 'maxpool'] as const

/** One of {@link STEMS}. */
export type StemOption = (typeof STEMS)[number]
