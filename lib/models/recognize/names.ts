import type { ResNetArchitecture } from '../architecture.js'
import type { ResidualBlock } from './blocks.js'
import type { Network } from './network.js'
import type { Unit } from './units.js'

/** Names of tensors in PyTorch's order. */
const TENSORS = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'] as const

/** Gives the keys of the model that is built, in its order, each with the key that the file has for it. */
export function ourNames(
  { stem, body, head, finalNorm }: Network,
  architecture: ResNetArchitecture,
): Map<string, string> {
  const { family, departures = {} } = architecture
  const names = new Map<string, string>()
  const add = (name: string, unit: Unit | null | undefined): void => {
    for (const tensor of TENSORS) {
      const theirs = unit?.tensors.get(tensor)
      if (theirs !== undefined) names.set(`${name}.${tensor}`, theirs.key)
    }
  }
  const isDeep = stem.convs.length > 1
  for (const [index, conv] of stem.convs.entries()) {
    const isLast = index === stem.convs.length - 1
    add(isDeep ? `conv1.${3 * index}` : 'conv1', conv)
    add(isLast ? 'bn1' : `conv1.${3 * index + 1}`, stem.norms[index])
  }
  const shortcut = family === 'resnet' ? 'downsample' : 'shortcut'
  const offset = departures.shortcut === 'avgpool' ? 1 : 0
  for (const [stage, { blocks }] of body.stages.entries()) {
    for (const [index, block] of blocks.entries()) {
      const path = `layer${stage + 1}.${index}`
      for (const [name, unit] of mainPath(block, family === 'preact-resnet')) add(`${path}.${name}`, unit)
      add(`${path}.${shortcut}.${offset}`, block.shortcut?.conv)
      add(`${path}.${shortcut}.${offset + 1}`, block.shortcut?.norm)
    }
  }
  if (departures.finalNorm === true) add('bn', finalNorm)
  const headName = family === 'resnet' ? 'fc' : 'linear'
  const isLone = architecture.departures?.head === undefined || architecture.departures.head.length === 1
  const units = head?.units ?? []
  const sources = isLone ? units.filter((unit) => unit !== null) : units
  for (const [index, unit] of sources.entries()) add(isLone ? headName : `${headName}.${index}`, unit)
  return names
}

function mainPath({ convs, norms }: ResidualBlock, isPreActivation: boolean): [string, Unit | undefined][] {
  return convs.flatMap((conv, index): [string, Unit | undefined][] => {
    const own: [string, Unit] = [`conv${index + 1}`, conv]
    const norm: [string, Unit | undefined] = [`bn${index + 1}`, norms[index]]
    return isPreActivation ? [norm, own] : [own, norm]
  })
}
