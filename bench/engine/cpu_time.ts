import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** CPU time since the system's start, in units of the kernel's clock (10 ms). */
interface CpuTime {
  readonly at: number
  /** Of all processes, and what the host of a virtual machine took. */
  readonly busy: number
  readonly processes: ReadonlyMap<number, number>
}

/** Cores that were busy on average with something. */
export interface CpuUse {
  /** Processes that were told to compute. */
  readonly own: number
  /** Contenders that had nothing to do. */
  readonly idle: number
  /** Everything else. */
  readonly others: number
}

const TICKS_PER_SECOND = 100
// /proc/[pid]/stat after the name: state is field 3, utime 14, stime 15.
const [UTIME, STIME] = [14 - 3, 15 - 3]
// /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
const [IDLE, IOWAIT, LAST] = [3, 4, 7]

/** Starts to watch who uses the CPU; the function that it gives tells it, or null where the system does not say. */
export function watchCpu(own: readonly number[], idle: readonly number[] = []): () => CpuUse | null {
  const pids = [process.pid, ...own, ...idle]
  const before = read(pids)
  return () => {
    const after = read(pids)
    if (before === null || after === null) return null
    const seconds = (after.at - before.at) / 1e3
    const cores = (ticks: number): number => ticks / TICKS_PER_SECOND / seconds
    const spent = (pid: number): number => (after.processes.get(pid) ?? 0) - (before.processes.get(pid) ?? 0)
    const sum = (these: readonly number[]): number => these.reduce((total, pid) => total + spent(pid), 0)
    const mine = sum([process.pid, ...own])
    const others = after.busy - before.busy - mine - sum(idle)
    return {
      own: cores(mine),
      idle: cores(sum(idle)),
      others: Math.max(0, Math.min(availableParallelism(), cores(others))),
    }
  }
}

function read(pids: readonly number[]): CpuTime | null {
  try {
    const [, ...columns] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/) ?? []
    const busy = columns.slice(0, LAST + 1).reduce((sum, ticks, index) => {
      return index === IDLE || index === IOWAIT ? sum : sum + Number(ticks)
    }, 0)
    return { at: performance.now(), busy, processes: new Map(pids.map((pid) => [pid, ticksOf(pid)])) }
  } catch {
    return null
  }
}

function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[UTIME]) + Number(fields[STIME])
  } catch {
    // It has ended.
    return 0
  }
}
