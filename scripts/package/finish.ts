import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { completeLinks } from './links.js'
import { noticesOf } from './notices.js'
import { filesBelow } from './sizes.js'

/** File with the licenses of what others made. */
export const NOTICES = 'THIRD_PARTY_NOTICES'

/** Adds what every package needs besides its code: licenses of bundled parts, and links that lead somewhere. `directory` is its folder in the checkout. */
export function finish(folder: string, version: string, inputs: readonly string[], directory = ''): void {
  const notices = noticesOf([...inputs, ...filesBelow(folder)])
  if (notices !== null) writeFileSync(join(folder, NOTICES), notices)
  completeLinks(folder, version, directory)
}
