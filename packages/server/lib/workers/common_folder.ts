import type { SettledScan } from '../model_folder.js'
import type { FolderChange } from '../registry.js'
import type { Follower } from '../watch_folder.js'
import type { PlainChange } from './calls.js'
import { errorOf } from './channel.js'
import { plainScan, type PlainScan } from './plain_scan.js'
import type { WorkerProcess } from './process.js'

/** Lets all workers follow what one process sees in the watched folder. */
export class CommonFolder implements Follower {
  readonly #inTurn: <T>(change: () => Promise<T>) => Promise<T>
  readonly #workers: ReadonlyMap<number, WorkerProcess>
  /** What was seen last. */
  #scan: PlainScan | null = null
  #seen = ''

  /**
   * @param inTurn - Makes changes one at a time.
   * @param workers - Those that are ready, when a scan comes.
   */
  constructor(inTurn: <T>(change: () => Promise<T>) => Promise<T>, workers: ReadonlyMap<number, WorkerProcess>) {
    this.#inTurn = inTurn
    this.#workers = workers
  }

  /** Passes a scan to one worker after the other, unless it is that of the last time. */
  async follow(scan: SettledScan, onChange: (change: FolderChange) => void): Promise<void> {
    await this.#inTurn(async () => {
      const seen = textOf(scan)
      if (seen === this.#seen) return
      const plain = await plainScan(scan)
      this.#scan = plain
      this.#seen = seen
      const changes = new Map<string, PlainChange>()
      for (const worker of this.#workers.values()) {
        // One that ends now gets it when it is replaced.
        const made = await worker.ask('follow', plain).catch((): readonly PlainChange[] => [])
        for (const change of made) changes.set(`${change.kind} ${change.name}/${change.version}`, change)
      }
      // Told once, and when all have made them.
      for (const { error, ...change } of changes.values()) {
        onChange(error === null ? change : { ...change, error: errorOf(error) })
      }
    })
  }

  /** Passes a new worker what was seen last. To be called in turn. */
  async bringUp(worker: WorkerProcess): Promise<void> {
    if (this.#scan !== null) await worker.ask('follow', this.#scan)
  }
}

/** Differs where a scan differs. */
function textOf({ versions, chosen, fallbacks, settled }: SettledScan): string {
  const lists = [versions, chosen, fallbacks, settled]
  return JSON.stringify(lists.map((list) => list.map(({ name, version, fingerprint }) => [name, version, fingerprint])))
}
