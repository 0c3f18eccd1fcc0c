import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Gives the paths of everything below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
}

/** MB (10^6 bytes) of the files below a folder. A file that is linked twice, as pnpm links them, counts once. */
export function megabytesOf(folder: string): number {
  const files = new Map(
    filesBelow(folder)
      .filter((path) => existsSync(path))
      .map((path) => statSync(path))
      .filter((entry) => entry.isFile())
      .map(({ ino, size }) => [ino, size]),
  )
  return [...files.values()].reduce((sum, size) => sum + size, 0) / 1e6
}
