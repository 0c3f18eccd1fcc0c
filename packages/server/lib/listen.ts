import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

import { TorchError } from 'napi-torch'
import { isError } from 'napi-torch/internal'

const FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'the host name is unknown',
}

/** Makes the error for an address that cannot be used. */
export function cannotListen(host: string, port: number, cause: unknown): TorchError {
  const code = isError(cause) && 'code' in cause ? String(cause.code) : ''
  const reason = FAULTS[code] ?? (isError(cause) ? cause.message : String(cause))
  return new TorchError('TORCH_LISTEN', `Cannot listen on ${host}, port ${port}: ${reason}`, { cause })
}

/**
 * Makes sure that ports can be listened on, and gives them: 0 becomes a free one. Other processes can listen on them after that.
 *
 * @throws {TorchError} `TORCH_LISTEN`
 */
export async function usablePorts(host: string, ports: readonly number[]): Promise<readonly number[]> {
  // Held until all are found, so that they differ.
  const servers = ports.map(() => createServer())
  try {
    const usable: number[] = []
    for (const [index, server] of servers.entries()) {
      const port = ports[index] ?? 0
      server.listen({ host, port })
      await once(server, 'listening').catch((cause: unknown) => {
        throw cannotListen(host, port, cause)
      })
      usable.push((server.address() as AddressInfo).port)
    }
    return usable
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}
