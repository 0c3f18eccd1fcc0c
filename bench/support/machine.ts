import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** What a benchmark ran on, to be printed and kept with its figures. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
  readonly node: string
  /** Programs that wanted to run in the minute before. */
  readonly loadAverage: number
}

/** Describes this machine, now. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  }
}

/** Prints the machine, and a warning where other programs share it. */
export function printMachine({ cpu, cores, memoryGiB, platform, node, loadAverage }: Machine): void {
  console.log(`${cpu}, ${cores} cores, ${memoryGiB} GiB, ${platform}, Node.js ${node}, load average ${loadAverage}`)
  if (loadAverage > cores / 4) {
    console.log(`WARNING: other programs are running (load average ${loadAverage}): the figures will be too high`)
  }
}
