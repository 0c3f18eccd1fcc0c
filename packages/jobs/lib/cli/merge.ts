import { type Context, EXIT, plural } from 'napi-torch/internal/cli'
import { merge as mergeRun } from '../merge.js'

/** Time between progress messages, in ms. */
const INTERVAL_MS = 2000

/** Merges all results of a run into one file. */
export async function merge(
  out: string,
  { json }: { readonly json?: true },
  { terminal, signal }: Context,
): Promise<number> {
  let reported = performance.now()
  const merged = await mergeRun(out, {
    signal,
    onMerged: (images) => {
      if (performance.now() - reported < INTERVAL_MS) return
      reported = performance.now()
      terminal.note(`${plural(images, 'image')} merged`)
    },
  })
  if (json === true) {
    terminal.printJson(merged)
    return EXIT.ok
  }
  const { results, features, images, errors } = merged
  terminal.print(`${plural(images, 'image')}, each exactly once: ${[results, features].filter(Boolean).join(', ')}`)
  for (const [code, number] of Object.entries(errors)) terminal.print(`${plural(number, 'image')} failed: ${code}`)
  return EXIT.ok
}
