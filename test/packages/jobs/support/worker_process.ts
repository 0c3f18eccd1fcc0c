import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import type { WorkEvent } from '@napi-torch/jobs'

import { NODE_COMMAND } from '../../../support/cli.js'

/** `napi-torch jobs work` in a process of its own. */
export class WorkerProcess {
  readonly child: ChildProcess
  /** Chunks that it has computed. */
  chunks = 0
  /** Chunks that it found done. */
  present = 0
  /** Chunks of dead workers that it gave back to the queue. */
  takenOver = 0
  /** Its output, for a test that fails. */
  output = ''
  readonly ended: Promise<number | null>

  constructor(args: readonly string[], onEvent: (event: WorkEvent) => void = () => undefined) {
    const [node, ...flags] = NODE_COMMAND
    this.child = spawn(node, [...flags, 'jobs', 'work', '--json', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.ended = once(this.child, 'exit').then(([code]) => code as number | null)
    if (this.child.stderr === null) throw new Error('The worker has no output')
    createInterface({ input: this.child.stderr }).on('line', (line) => {
      this.output += `${line}\n`
      const event = eventOf(line)
      if (event === null) return
      if (event.type === 'chunk') {
        if (event.wasPresent) this.present++
        else this.chunks++
      }
      if (event.type === 'warning' && event.message.includes('is taken over')) this.takenOver++
      onEvent(event)
    })
  }
}

function eventOf(line: string): WorkEvent | null {
  try {
    return JSON.parse(line) as WorkEvent
  } catch {
    return null
  }
}
