import assert from 'node:assert/strict'

import { cpuQuota } from '../../lib/libtorch/cpu_quota.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'

const CPU = 'sys/fs/cgroup/cpu,cpuacct'

/** The files of a system, by path. */
const SYSTEMS: readonly [title: string, files: Readonly<Record<string, string>>, quota: number][] = [
  ['no control groups', {}, Infinity],
  ['version 2 without a limit', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' }, Infinity],
  ['version 2 in a container', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '350000 100000\n' }, 3],
  [
    'version 2 where a group around it is smaller',
    {
      'proc/self/cgroup': '0::/system.slice/app.service\n',
      'sys/fs/cgroup/system.slice/cpu.max': '200000 100000\n',
      'sys/fs/cgroup/system.slice/app.service/cpu.max': '400000 100000\n',
    },
    2,
  ],
  ['less than one CPU', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' }, 1],
  [
    'version 1 in a container, whose path is that of the host',
    {
      'proc/self/cgroup': '5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n',
      [`${CPU}/cpu.cfs_quota_us`]: '200000\n',
      [`${CPU}/cpu.cfs_period_us`]: '100000\n',
    },
    2,
  ],
  [
    'version 1 without a limit',
    {
      'proc/self/cgroup': '4:cpu,cpuacct:/\n',
      [`${CPU}/cpu.cfs_quota_us`]: '-1\n',
      [`${CPU}/cpu.cfs_period_us`]: '100000\n',
    },
    Infinity,
  ],
]

describe('cpuQuota()', () => {
  const temporary = useTemporaryFolder()

  for (const [title, files, quota] of SYSTEMS) {
    it(`gives ${quota} for ${title}`, () => {
      assert.equal(cpuQuota(writeFiles(temporary(), files)), quota)
    })
  }
})
