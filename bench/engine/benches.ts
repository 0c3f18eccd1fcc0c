import { clients } from './measurements/clients.js'
import { compileTime } from './measurements/compile.js'
import { eventLoop } from './measurements/event_loop.js'
import { firstRun } from './measurements/first_run.js'
import { memory } from './measurements/memory.js'
import { neighbor } from './measurements/neighbor.js'
import { overhead } from './measurements/overhead.js'
import { speed } from './measurements/speed.js'
import type { BenchName, BenchOptions } from './options.js'
import type { Section } from './section.js'

/** All measurements by the name that `--only` has for them. */
export const BENCHES: Readonly<Record<BenchName, (options: BenchOptions) => Promise<Section>>> = {
  speed,
  overhead,
  'event-loop': eventLoop,
  clients,
  neighbor,
  'first-run': firstRun,
  compile: compileTime,
  memory,
}
