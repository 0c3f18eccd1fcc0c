import { changeGradMode, currentGradMode, inGradMode, unlessInference } from '../libtorch/grad_mode.js'
import { checkBoolean, expected } from '../util/check.js'

// In Python these are context managers. Here they take what stands inside: a mode holds over `await` in it, until the promise
// that it gives is settled, and not in what else goes on meanwhile.

/**
 * Runs `body` without recording operations for gradients: in the update of parameters, say, or to measure accuracy. Follows
 * `torch.no_grad`.
 *
 * @param body May be asynchronous. Its result is given back.
 */
export function noGrad<T>(body: () => T): T {
  return inGradMode('disabled', checkBody(body))
}

/**
 * Runs `body` with operations recorded for gradients, inside of {@link noGrad}. In {@link inferenceMode} it has no effect. Follows `torch.enable_grad`.
 *
 * @param body May be asynchronous. Its result is given back.
 */
export function enableGrad<T>(body: () => T): T {
  return inGradMode('enabled', checkBody(body))
}

/**
 * Runs `body` as {@link noGrad} does, and with less work for each operation. **Tensors that are made in it can never have a
 * gradient**, nor take part in the computation of one: `clone()` them outside. Follows `torch.inference_mode`.
 *
 * @param body May be asynchronous. Its result is given back.
 */
export function inferenceMode<T>(body: () => T): T {
  return inGradMode('inference', checkBody(body))
}

/**
 * Runs `body` with operations recorded, or with `false` without. **Without `body` it sets the mode of the innermost callback
 * around, or where there is none that of this thread**, as Python does. Follows `torch.set_grad_enabled`.
 *
 * @param body May be asynchronous. Its result is given back.
 */
export function setGradEnabled(mode: boolean): void
export function setGradEnabled<T>(mode: boolean, body: () => T): T
export function setGradEnabled<T>(mode: boolean, body?: () => T): T | undefined {
  checkBoolean('mode', mode)
  if (body !== undefined) return mode ? enableGrad(body) : noGrad(body)
  changeGradMode(unlessInference(mode ? 'enabled' : 'disabled'))
  return undefined
}

/** Tells whether operations are recorded here. Default: `true`. Follows `torch.is_grad_enabled`. */
export function isGradEnabled(): boolean {
  return currentGradMode() === 'enabled'
}

/** Tells whether this runs in {@link inferenceMode}. Follows `torch.is_inference_mode_enabled`. */
export function isInferenceModeEnabled(): boolean {
  return currentGradMode() === 'inference'
}

function checkBody<T>(body: () => T): () => T {
  if (typeof body !== 'function') throw expected('a function', 'body', body)
  return body
}
