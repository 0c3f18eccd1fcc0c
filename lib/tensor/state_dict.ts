import { DESCRIBE } from '../util/check.js'
import type { Tensor } from './tensor.js'

/** Prefixes that training frameworks put before every key of a wrapped model: DataParallel, torch.compile, Lightning. */
export const WRAPPER_PREFIXES = ['module.', '_orig_mod.', 'model.'] as const

/**
 * The tensors of a model by their PyTorch keys, in PyTorch's order. Follows what `torch.nn.Module.state_dict()` gives.
 *
 * One that `loadCheckpoint` made owns its tensors; one that `Module.stateDict()` made shares them with the module.
 */
export class StateDict extends Map<string, Tensor> {
  /** Facts by module path (`''` is the root), such as `version`: PyTorch's `_metadata`. Null where nothing is known. */
  metadata: Map<string, ReadonlyMap<string, unknown>> | null = null

  /** Where a checkpoint held it, such as `model.state_dict`; `''` if it was the whole file; null if not from a file. */
  source: string | null = null

  /** Disposes every tensor. Tensors that share a storage with others leave it to them. */
  dispose(): void {
    for (const tensor of this.values()) tensor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** How error messages print it. */
  [DESCRIBE](): string {
    return `a StateDict of ${this.size} tensors`
  }
}

/**
 * Gives what stands before every one of `keys` because the model was wrapped when it was saved, such as
 * `_orig_mod.module.`, or `''`.
 *
 * A model whose own only child is called `model` cannot be told from a wrapped one: check the shorter keys.
 */
export function wrapperPrefix(keys: Iterable<string>): string {
  let first: string | undefined
  // Each character is looked at once, as a file may hold a key that is nothing but a million wrappers.
  let shared = 0
  for (const key of keys) {
    if (first === undefined) {
      first = key
      shared = key.length - 1
      continue
    }
    shared = Math.min(shared, key.length - 1)
    let same = 0
    while (same < shared && key.charCodeAt(same) === first.charCodeAt(same)) same++
    shared = same
  }
  if (first === undefined) return ''
  let end = 0
  for (;;) {
    const at = end
    const next = WRAPPER_PREFIXES.find((candidate) => first.startsWith(candidate, at))
    if (next === undefined || at + next.length > shared) return first.slice(0, at)
    end += next.length
  }
}
