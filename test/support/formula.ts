import { fromArray, StateDict, tensor, type Tensor } from 'napi-torch'

/**
 * Makes a float32 tensor of numbers that depend on nothing but the name: from -1 to below 1, scaled and shifted. They are
 * those of `formula_tensor` in scripts/goldens_format.py, bit for bit.
 */
export function formulaTensor(name: string, shape: readonly number[], scale = 1, shift = 0): Tensor<'float32'> {
  let seed = 0x811c9dc5
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193)
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  for (let index = 0; index < values.length; index++) {
    let h = (Math.imul(index, 0x9e3779b9) + seed) | 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    h ^= h >>> 16
    values[index] = ((h >>> 8) / 2 ** 23 - 1) * scale + shift
  }
  return fromArray(values, shape)
}

/** Makes the weights that `formula_state` in scripts/goldens_format.py gives a ResNet of the same keys and shapes. */
export function formulaState(model: ReadonlyMap<string, Tensor>): StateDict {
  const state = new StateDict()
  for (const [key, { shape }] of model) state.set(key, formulaEntry(key, shape))
  return state
}

/** Makes the entry of {@link formulaState} for a key. */
export function formulaEntry(key: string, shape: readonly number[]): Tensor {
  if (key.endsWith('num_batches_tracked')) return tensor(7, { dtype: 'int64' })
  if (shape.length > 1) {
    const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
    return formulaTensor(key, shape, (6 / fanIn) ** 0.5)
  }
  if (key.endsWith('running_var')) return formulaTensor(key, shape, 0.5, 1)
  return key.endsWith('weight') ? formulaTensor(key, shape, 0.25, 0.5) : formulaTensor(key, shape, 0.1)
}
