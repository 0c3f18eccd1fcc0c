import { shorten } from '../util/check.js'
import { CheckpointError, type SuggestedOption, type TorchErrorCode } from '../util/errors.js'

/** Where in a checkpoint something is wrong, as far as it is known. */
export interface FaultLocation {
  /** The file; undefined for a buffer. */
  readonly path?: string | undefined
  /** The archive entry. */
  readonly entry?: string | undefined
  /** Byte offset in the entry, or in the file where there is no entry. */
  readonly offset?: number | undefined
  /** Name of the pickle instruction. */
  readonly opcode?: string | undefined
}

/** Makes an error at a place that the caller knows better than the code that found the fault. */
export type Fail = (code: TorchErrorCode, text: string) => CheckpointError

/** Characters of a message: names out of a file are cut where they are echoed, and what is not cut there is cut here. */
const MAX_TEXT = 2_000

/** Makes the error `model.pth, entry archive/data.pkl, byte 42 (REDUCE): text`. */
export function failure(code: TorchErrorCode, place: FaultLocation, text: string, cause?: unknown): CheckpointError {
  return new CheckpointError(code, `${describePlace(place)}: ${shorten(text, MAX_TEXT)}`, { ...place, cause })
}

/** Makes an error whose text advises an option: `text` holds `suggestion.text`. */
export function advice(place: FaultLocation, text: string, suggestion: SuggestedOption): CheckpointError {
  const message = `${describePlace(place)}: ${text}`
  return new CheckpointError('TORCH_CHECKPOINT_UNSUPPORTED', message, { ...place, suggestion })
}

/** Binds {@link failure} to a place. */
export function failAt(place: FaultLocation): Fail {
  return (code, text) => failure(code, place, text)
}

function describePlace({ path, entry, offset, opcode }: FaultLocation): string {
  const parts = [shorten(path ?? 'buffer')]
  if (entry !== undefined) parts.push(`entry ${shorten(entry)}`)
  if (offset !== undefined) parts.push(`byte ${offset}`)
  return opcode === undefined ? parts.join(', ') : `${parts.join(', ')} (${opcode})`
}
