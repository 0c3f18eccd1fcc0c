import { type Context, count, EXIT, plural } from 'napi-torch/internal/cli'
import { merge as mergeRun } from '../merge.js'

/** How often the number of images is told, in ms. */
const INTERVAL_MS = 2000

/** Puts all results of a run into one file. */
export async function merge(
  out: string,
  { json }: { readonly json?: true },
  { terminal, signal }: Context,
): Promise<number> {
  let told = performance.now()
  const merged = await mergeRun(out, {
    signal,
    onMerged: (images) => {
      if (performance.now() - told < INTERVAL_MS) return
      told = performance.now()
      terminal.note(`${plural(images, 'image')} merged`)
    },
  })
  if (json === true) {
    terminal.printJson(merged)
    return EXIT.ok
  }
  const { results, features, images, errors } = merged
  terminal.print(`${plural(images, 'image')}, each exactly once: ${[results, features].filter(Boolean).join(', ')}`)
  for (const [code, number] of Object.entries(errors)) terminal.print(`${count(number)} without an answer: ${code}`)
  return EXIT.ok
}
