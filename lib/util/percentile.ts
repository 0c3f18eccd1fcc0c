/** Gives the value below which the share `p` (0 to 1) of `values` lies: the nearest one that occurs. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.max(Math.ceil(p * sorted.length) - 1, 0)] ?? NaN
}
