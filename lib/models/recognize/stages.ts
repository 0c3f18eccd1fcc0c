import type { ResidualBlock } from './blocks.js'

/** A stage of blocks whose outputs have one number of channels. */
export interface Stage {
  readonly blocks: readonly ResidualBlock[]
  readonly out: number
}

/** The stages of a network, from the first to the last. */
export interface Body {
  readonly stages: readonly Stage[]
  /** The path that all blocks have in common. */
  readonly path: readonly string[]
  /** Channels that the first block reads. */
  readonly in: number
  /** Channels that the last block makes. */
  readonly out: number
}

/** Fewer stages make no ResNet. */
export const MIN_STAGES = 3

/** Joins blocks into bodies: each block reads what the one before it makes. */
export function joinBlocks(blocks: readonly ResidualBlock[]): Body[] {
  const chains: ResidualBlock[][] = []
  for (const block of blocks) {
    const chain = chains.at(-1)
    if (chain !== undefined && chain.at(-1)?.out === block.in) chain.push(block)
    else chains.push([block])
  }
  return chains.map(readBody)
}

function readBody(chain: readonly ResidualBlock[]): Body {
  const stages: { blocks: ResidualBlock[]; out: number; parent: string }[] = []
  for (const block of chain) {
    const parent = block.path.slice(0, -1).join('.')
    const stage = stages.at(-1)
    if (stage?.parent === parent && stage.out === block.out) stage.blocks.push(block)
    else stages.push({ blocks: [block], out: block.out, parent })
  }
  return {
    stages,
    path: commonPath(chain.map(({ path }) => path)),
    in: chain[0]?.in ?? 0,
    out: chain.at(-1)?.out ?? 0,
  }
}

function commonPath(paths: readonly (readonly string[])[]): readonly string[] {
  const [first = [], ...others] = paths
  const end = first.findIndex((name, index) => others.some((path) => path[index] !== name))
  return end === -1 ? first : first.slice(0, end)
}
