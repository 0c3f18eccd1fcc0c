import { cat } from '../../tensor/creation.js'
import { FoldedTensor, type FoldableTensor } from './fold.js'
import { StoredTensor } from '../stored.js'

/** How transformers names the first of three projections of a Vision Transformer: in its files, and in its modules since version 5. */
const QUERY =
  /^((?:.*\.)?vit\.(?:encoder\.layer|layers)\.\d{1,3}\.attention\.(?:attention\.)?)(query|q_proj)\.(weight|bias)$/

const OTHERS: Readonly<Record<string, readonly [key: string, value: string]>> = {
  query: ['key', 'value'],
  q_proj: ['k_proj', 'v_proj'],
}

/** A key longer than that is none of transformers'. */
const MAX_KEY_LENGTH = 512

/**
 * Joins the projections of queries, keys and values that a Vision Transformer of transformers has apart, as those of
 * `torch.nn.MultiheadAttention` are: `attention.query.weight` and the two beside it become `attention.in_proj_weight`. Others are left
 * as they are. Nothing is read.
 */
export function joinAttention(tensors: ReadonlyMap<string, FoldableTensor>): Map<string, FoldableTensor> {
  const joined = new Map<string, FoldableTensor>()
  const gone = new Set<string>()
  for (const [key, tensor] of tensors) {
    const match = key.length > MAX_KEY_LENGTH ? null : QUERY.exec(key)
    if (match === null) {
      joined.set(key, tensor)
      continue
    }
    const [, front = '', query = '', name = ''] = match
    const keys = [query, ...(OTHERS[query] ?? [])].map((each) => `${front}${each}.${name}`)
    const parts = keys.map((each) => tensors.get(each)).filter((part) => part instanceof StoredTensor)
    const [{ dtype, shape: [rows = 0, ...rest] } = { dtype: '', shape: [] }] = parts
    const isAlike = parts.every((part) => part.dtype === dtype && part.shape.join() === [rows, ...rest].join())
    if (parts.length !== 3 || !isAlike) {
      joined.set(key, tensor)
      continue
    }
    const shape = [3 * rows, ...rest]
    joined.set(`${front}in_proj_${name}`, new FoldedTensor('attention', { dtype, shape }, parts, (all) => cat(all)))
    for (const each of keys) gone.add(each)
  }
  for (const key of gone) joined.delete(key)
  return joined
}
