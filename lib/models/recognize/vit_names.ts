// Names of the Vision Transformers of timm and transformers, which are torchvision's but for the names.

/** What a library calls a part, and what torchvision does. */
type Rename = readonly [pattern: RegExp, replacement: string]

const TIMM: readonly Rename[] = [
  [/^cls_token$/, 'class_token'],
  [/^pos_embed$/, 'encoder.pos_embedding'],
  [/^patch_embed\.proj\.(?=\w+$)/, 'conv_proj.'],
  [/^blocks\.(\d{1,3})\.norm1\.(?=\w+$)/, 'encoder.layers.encoder_layer_$1.ln_1.'],
  [/^blocks\.(\d{1,3})\.attn\.qkv\.(?=\w+$)/, 'encoder.layers.encoder_layer_$1.self_attention.in_proj_'],
  [/^blocks\.(\d{1,3})\.attn\.proj\.(?=\w+$)/, 'encoder.layers.encoder_layer_$1.self_attention.out_proj.'],
  [/^blocks\.(\d{1,3})\.norm2\.(?=\w+$)/, 'encoder.layers.encoder_layer_$1.ln_2.'],
  [/^blocks\.(\d{1,3})\.mlp\.fc1\.(?=\w+$)/, 'encoder.layers.encoder_layer_$1.mlp.0.'],
  [/^blocks\.(\d{1,3})\.mlp\.fc2\.(?=\w+$)/, 'encoder.layers.encoder_layer_$1.mlp.3.'],
  [/^norm\.(?=\w+$)/, 'encoder.ln.'],
  [/^head\.(?=\w+$)/, 'heads.head.'],
]

/** In files, and in the modules since version 5. The projections of the attention are joined before. */
const TRANSFORMERS: readonly Rename[] = [
  [/^vit\.embeddings\.cls_token$/, 'class_token'],
  [/^vit\.embeddings\.position_embeddings$/, 'encoder.pos_embedding'],
  [/^vit\.embeddings\.patch_embeddings\.projection\.(?=\w+$)/, 'conv_proj.'],
  [/^vit\.(?:encoder\.layer|layers)\.(\d{1,3})\./, 'encoder.layers.encoder_layer_$1.'],
  [/\.layernorm_before\.(?=\w+$)/, '.ln_1.'],
  [/\.layernorm_after\.(?=\w+$)/, '.ln_2.'],
  [/\.attention\.(?:attention\.)?in_proj_(?=\w+$)/, '.self_attention.in_proj_'],
  [/\.attention\.(?:output\.dense|o_proj)\.(?=\w+$)/, '.self_attention.out_proj.'],
  [/\.(?:intermediate\.dense|mlp\.fc1)\.(?=\w+$)/, '.mlp.0.'],
  [/\.(?:output\.dense|mlp\.fc2)\.(?=\w+$)/, '.mlp.3.'],
  [/^vit\.layernorm\.(?=\w+$)/, 'encoder.ln.'],
  [/^classifier\.(?=\w+$)/, 'heads.head.'],
]

/** A key that shows whose Vision Transformer stands below what is in front of it. */
const SIGNS: readonly (readonly [sign: string, renames: readonly Rename[]])[] = [
  ['blocks.0.attn.qkv.weight', TIMM],
  ['vit.embeddings.patch_embeddings.projection.weight', TRANSFORMERS],
]

/** Vision Transformers that are told apart in one state dict. */
const MAX_MODELS = 16

/** A part of a state dict that holds a Vision Transformer, and how its keys are renamed. */
interface VitPart {
  readonly prefix: string
  readonly renames: readonly Rename[]
}

/**
 * Gives the function that renames the keys of Vision Transformers of timm and transformers, and leaves others as they are. What
 * torchvision's has no counterpart of, such as a normalization before the blocks, is put into its encoder, where it is seen.
 */
export function vitNames(keys: readonly string[]): (key: string) => string {
  const places: VitPart[] = []
  for (const key of keys) {
    for (const [sign, renames] of SIGNS) {
      const isAt = key.endsWith(sign) && (key.length === sign.length || key.at(-sign.length - 1) === '.')
      if (isAt && places.length < MAX_MODELS) places.push({ prefix: key.slice(0, key.length - sign.length), renames })
    }
  }
  if (places.length === 0) return (key) => key
  // One within another has its keys to itself.
  places.sort((a, b) => b.prefix.length - a.prefix.length)
  return (key) => {
    const place = places.find(({ prefix }) => key.startsWith(prefix))
    return place === undefined ? key : place.prefix + renamed(key.slice(place.prefix.length), place.renames)
  }
}

function renamed(key: string, renames: readonly Rename[]): string {
  const name = renames.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), key)
  return name === key ? `encoder.${key}` : name
}
