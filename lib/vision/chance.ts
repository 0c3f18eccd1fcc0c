import { empty, rand, randint } from '../tensor/creation.js'
import { randperm } from '../tensor/sampling.js'
import { synchronousScope } from '../util/scope.js'

// Numbers of PyTorch's default generator, drawn by the very calls that torchvision's transforms draw them with: one seed gives both the
// same ones.

/** `torch.rand(1)`: a float32 from 0 to below 1. */
export function drawShare(): number {
  return synchronousScope(() => rand([1]).item())
}

/** `torch.rand(1) < p`, where PyTorch compares in float32. */
export function drawChance(p: number): boolean {
  return drawShare() < Math.fround(p)
}

/** `torch.empty(1).uniform_(low, high)`: a float32 from `low` to below `high`. */
export function drawUniform(low: number, high: number): number {
  return synchronousScope(() => empty([1]).uniform_(low, high).item())
}

/** `torch.exp(torch.empty(1).uniform_(low, high))` of the logarithms of a range: a float32. */
export function drawLogUniform(low: number, high: number): number {
  return synchronousScope(() => Number(empty([1]).uniform_(low, high).exp().item()))
}

/** `torch.randint(low, high, (1,))`: an integer from `low` to below `high`. */
export function drawInteger(low: number, high: number): number {
  return synchronousScope(() => Number(randint(low, high, [1]).item()))
}

/** `torch.randperm(n)`. */
export function drawOrder(n: number): number[] {
  return synchronousScope(() => Array.from(randperm(n).toArray(), Number))
}
