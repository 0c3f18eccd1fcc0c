import { fileURLToPath } from 'node:url'

/** Folder of the package. Not by import.meta.dirname: too old a Node is to be told so, and it has none. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Folders of the packages that are compiled, in an order in which each finds the types of those that it imports. */
export const PROJECTS = ['.', 'packages/server', 'packages/jobs']
