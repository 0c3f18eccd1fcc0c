import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { SETTING_NAMES, settingFacts } from '../../../../packages/server/lib/setting_names.js'
import { useServer } from '../../../support/server.js'

const PAGE = new URL('../../../../docs/server.md', import.meta.url)

/** The table of docs/server.md between two marks. */
async function tableOf(mark: string): Promise<string> {
  const page = await readFile(PAGE, 'utf8')
  return page.split(`<!-- begin: ${mark} -->\n`)[1]?.split('\n<!-- end -->')[0]?.trim() ?? ''
}

describe('docs/server.md', () => {
  const running = useServer()

  it('lists every setting with its default and meaning', async () => {
    const rows = SETTING_NAMES.map((name) => {
      const { default: usual, description, choices } = settingFacts(name)
      const values = choices === null ? '' : `: ${choices.map((choice) => `\`${choice}\``).join(', ')}`
      const shown = usual === '' ? '' : `\`${usual}\``
      return `| \`${name}\` | ${shown} | ${description}${values} |`
    })

    assert.equal(await tableOf('settings'), ['| setting | default | |', '| --- | --- | --- |', ...rows].join('\n'))
  })

  it('lists every metric with its type and meaning', async () => {
    const text = await (await fetch(`${running().url}/metrics`)).text()
    const rows = Array.from(text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm), ([, name, help, type]) => {
      return `| \`${name}\` | ${type} | ${help} |`
    })
    const isOurs = (row: string): boolean => row.startsWith('| `napi_torch_')
    const table = (ofRows: readonly string[]): string =>
      ['| metric | type | |', '| --- | --- | --- |', ...ofRows].join('\n')

    assert.equal(await tableOf('metrics'), table(rows.filter(isOurs)))
    const others = rows.filter((row) => !isOurs(row))
    // On other systems, some of them are not there.
    if (process.platform === 'linux') assert.equal(await tableOf('process metrics'), table(others))
    else for (const row of others) assert.ok((await tableOf('process metrics')).includes(row), row)
  })
})
