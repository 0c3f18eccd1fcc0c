import { TorchError } from 'napi-torch'

/** What `process` says of the program that runs JavaScript. */
export interface Runtime {
  readonly platform: string
  readonly versions: Readonly<Record<string, string | undefined>>
}

/**
 * Makes sure that several processes can share a port here. Bun's and Deno's `node:cluster` do not pass connections to workers, and
 * Windows has no signals that ask a process to end.
 *
 * @throws {TorchError} `TORCH_PLATFORM`
 */
export function checkPlatform({ platform, versions }: Runtime = process): void {
  const other = ['bun', 'deno'].find((name) => versions[name] !== undefined)
  if (other === undefined && platform !== 'win32') return
  const received = other === undefined ? 'Windows' : `${other} ${versions[other]}`
  throw new TorchError(
    'TORCH_PLATFORM',
    `Expected Node.js on Linux or macOS for workers of more than 1, received ${received}; start one server for each port instead`,
  )
}
