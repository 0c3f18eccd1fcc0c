/** Skips the test, or all of a hook, and says why. */
export function skip(context: Mocha.Context, reason: string): never {
  console.log(`      Skipped: ${reason}`)
  return context.skip()
}
