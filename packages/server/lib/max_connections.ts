import type { Server } from 'node:net'

/**
 * Closes connections beyond a maximum as soon as they are opened. In a worker they are counted here: Node.js 20 would pass them from
 * one full worker to another without end.
 */
export function limitConnections(server: Server, max: number, { isWorker }: { readonly isWorker: boolean }): void {
  if (!isWorker) {
    server.maxConnections = max
    return
  }
  let open = 0
  server.prependListener('connection', (socket) => {
    open++
    socket.once('close', () => open--)
    if (open > max) socket.destroy()
  })
}
