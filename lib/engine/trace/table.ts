import type { NativeBinding } from '../../libtorch/binding.js'
import type { Recorder } from './recorder.js'

/** Functions that record what those of the binding would do, where at least one of their tensors is symbolic. */
export type Table = {
  readonly [N in keyof NativeBinding]?: (
    recorder: Recorder,
    ...args: Parameters<NativeBinding[N]>
  ) => ReturnType<NativeBinding[N]>
}
