import { dirname, join } from 'node:path'

import type { Architecture } from '../models/architecture.js'
import { LayerNorm } from '../nn/normalization.js'
import type { Module } from '../nn/module.js'
import { describe, shorten } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { isFields, type JsonFields } from '../vision/preset_config.js'
import { CONFIG_FILE, readConfig } from '../vision/preset_file.js'

// What the config.json of timm and transformers says about a network that its keys and shapes do not.

/** A Vision Transformer of torchvision's sizes has as many heads as its width tells: 64 elements each, 80 in the largest. */
const ATTENTION_HEADS: Readonly<Record<string, number>> = {
  vit_b_16: 12,
  vit_b_32: 12,
  vit_l_16: 16,
  vit_l_32: 16,
  vit_h_14: 16,
}

/** timm's arguments that change nothing but what keys and shapes show, or nothing in eval mode. */
const SHOWN_ARGUMENTS: ReadonlySet<string> = new Set([
  ...['num_classes', 'in_chans', 'img_size', 'patch_size', 'embed_dim', 'depth', 'mlp_ratio', 'layers', 'channels'],
  ...['cardinality', 'base_width', 'stem_width', 'stem_type', 'avg_down', 'drop_rate', 'drop_path_rate'],
  ...['drop_block_rate', 'proj_drop_rate', 'attn_drop_rate', 'pos_drop_rate', 'patch_drop_rate', 'zero_init_last'],
])

/** timm's Vision Transformers that compute what torchvision's do; others of the same keys turn positions, or average the tokens. */
const PLAIN_VIT = /^(?:vit_(?:base|large|huge)_patch\d+|deit_base_patch16)_\d+$/

/** timm's ResNets with blur-pools, which have no tensors. */
const BLURRED_RESNET = /^(?:\w*resnet(?:aa|blur)|\w*resnext(?:aa|blur))/

/**
 * Reads the `config.json` of timm or transformers beside a checkpoint, for what keys and shapes do not show.
 *
 * @param path - The checkpoint; null for one that is no file.
 * @returns The `eps` of all of the network's LayerNorms, or null where they have the usual one.
 * @throws {TorchError} `TORCH_ARCHITECTURE`, which names the field, if the network computes what the model that is built does not.
 */
export async function readNetworkConfig(path: string | null, architecture: Architecture): Promise<number | null> {
  if (path === null) return null
  const file = join(dirname(path), CONFIG_FILE)
  const config = await readConfig(file)
  if (config === null) return null
  const check = checker(config, shorten(file))
  const isVit = architecture.name.startsWith('vit_')
  if (typeof config['model_type'] === 'string' && config['model_type'] !== 'timm_wrapper') {
    if (config['model_type'] === 'vit' && isVit) {
      check('hidden_act', 'gelu')
      check('num_attention_heads', ATTENTION_HEADS[architecture.name])
      return typeof config['layer_norm_eps'] === 'number' ? config['layer_norm_eps'] : null
    }
    if (config['model_type'] === 'resnet' && architecture.family === 'resnet') {
      check('hidden_act', 'relu')
      check('downsample_in_first_stage', false)
      if (architecture.block === 'Bottleneck') check('downsample_in_bottleneck', false)
    }
    return null
  }
  if (typeof config['architecture'] === 'string' && isFields(config['pretrained_cfg'])) {
    checkTimm(config, config['architecture'], { isVit, where: shorten(file) })
  }
  return null
}

type Check = (field: string, expected: unknown) => void

function checker(config: JsonFields, where: string): Check {
  return (field, expected) => {
    const value = config[field]
    if (value !== undefined && value !== expected) throw differs(where, field, value)
  }
}

/** What a config.json of timm is compared with, and its path, for messages. */
interface Compared {
  readonly isVit: boolean
  readonly where: string
}

function checkTimm(config: JsonFields, architecture: string, { isVit, where }: Compared): void {
  const isOther = isVit ? !PLAIN_VIT.test(architecture) : BLURRED_RESNET.test(architecture)
  if (isOther) throw differs(where, 'architecture', architecture)
  const pooling = config['global_pool']
  // An empty one is that of a network without a head.
  const isUsual = pooling === undefined || pooling === '' || pooling === (isVit ? 'token' : 'avg')
  if (!isUsual) throw differs(where, 'global_pool', pooling)
  const given = config['model_args']
  for (const [name, value] of Object.entries(isFields(given) ? given : {})) {
    if (!SHOWN_ARGUMENTS.has(name)) throw differs(where, `model_args.${shorten(name)}`, value)
  }
}

function differs(where: string, field: string, value: unknown): TorchError {
  const remedy = 'build it yourself, and load the weights with loadStateDict()'
  const text = `${where}: Has ${field} ${describe(value)}, which the model that is built does not have`
  return new TorchError('TORCH_ARCHITECTURE', `${text}: ${remedy}`)
}

/** Gives all LayerNorms of a model another `eps`. Call it before the weights are loaded. */
export function replaceLayerNorms(model: Module<unknown>, eps: number): void {
  for (const [path, module] of model.namedModules()) {
    if (!(module instanceof LayerNorm) || module.eps === eps) continue
    model.setSubmodule(path, new LayerNorm(module.normalizedShape, { eps }).train(module.training))
    module.dispose()
  }
}
