import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * How many CPUs the control groups of this process let it use at a time, rounded down: what containers are limited by.
 * More threads than these only wait for each other when the time of all is used up. Infinity without a limit.
 *
 * @param root - Where the files of the system lie. Default: `/`.
 */
export function cpuQuota(root = '/'): number {
  const quotas = groupsOf(read(join(root, 'proc/self/cgroup'))).flatMap(({ path, version }) => {
    const mount = join(root, 'sys/fs/cgroup')
    return version === 2
      ? upwards(path).map((folder) =>
          quotaOf(
            read(join(mount, folder, 'cpu.max'))
              .trim()
              .split(' '),
          ),
        )
      : ['cpu', 'cpu,cpuacct'].flatMap((controller) =>
          upwards(path).map((folder) =>
            quotaOf(
              ['quota', 'period'].map((name) => read(join(mount, controller, folder, `cpu.cfs_${name}_us`)).trim()),
            ),
          ),
        )
  })
  return Math.max(1, Math.floor(Math.min(Infinity, ...quotas)))
}

interface Group {
  readonly path: string
  readonly version: 1 | 2
}

/** Reads `/proc/self/cgroup`: lines of a number, controllers and a path, such as `0::/` and `4:cpu,cpuacct:/docker/1f`. */
function groupsOf(text: string): readonly Group[] {
  return text.split('\n').flatMap((line): Group[] => {
    const [, number, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === undefined) return []
    if (number === '0') return [{ path, version: 2 }]
    return controllers?.split(',').includes('cpu') === true ? [{ path, version: 1 }] : []
  })
}

/** A group and those around it, each of which may set a limit. In a container the paths of the host do not exist. */
function upwards(path: string): readonly string[] {
  const folders = ['/']
  for (let folder = path; folder !== '/' && folders.length < MAX_DEPTH; folder = dirname(folder)) folders.push(folder)
  return folders
}

const MAX_DEPTH = 64

/** CPUs, of microseconds that a group may compute in a period of microseconds; `max` and -1 are no limit. */
function quotaOf([quota, period]: readonly string[]): number {
  const cpus = Number(quota) / Number(period)
  return cpus > 0 ? cpus : Infinity
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
