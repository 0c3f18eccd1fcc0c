import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { SHELLS } from '../../../lib/cli/completion/scripts.js'
import { inFolder } from '../../support/checkpoints.js'
import { napiTorch } from '../../support/cli.js'
import { skip } from '../../support/skip.js'

type Shell = (typeof SHELLS)[number]

/** Programs that source a script, and print what is offered behind the words that follow, one in a line. */
const ASK: Readonly<Record<Shell, (script: string, words: readonly string[]) => readonly string[]>> = {
  bash: (script, words) => [
    '--norc',
    '-c',
    `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _napi_torch; printf '%s\\n' "\${COMPREPLY[@]}"`,
    script,
    ...words,
  ],
  // Its completion runs on a terminal only: what it would be given is printed instead.
  zsh: (script, words) => [
    '-f',
    '-c',
    `compdef() { :; }; compadd() { shift; print -rl -- "$@"; }; _files() { print -rl -- \${words[CURRENT]}*(N); }
     _describe() { print -rl -- "\${(@)\${(@P)2}%%:*}"; }
     source "$0"; words=("$@"); CURRENT=$#; _napi_torch`,
    script,
    ...words,
  ],
  fish: (script, words) => ['--no-config', '-c', `source $argv[1]; complete -C "$argv[2..-1]"`, script, ...words],
}

/** What is typed, what is offered among other things, and what is not. */
const CASES: readonly (readonly [
  what: string,
  words: readonly string[],
  offered: readonly string[],
  others: readonly string[],
])[] = [
  ['commands', [''], ['inspect', 'jobs', 'help', 'completion'], ['submit', 'my image.png']],
  ['commands of a group', ['jobs', ''], ['submit', 'work'], ['inspect', 'my image.png']],
  ['commands to be helped with', ['help', ''], ['inspect', 'jobs'], ['my image.png']],
  ['options', ['jobs', 'submit', '--'], ['--model', '--chunk-size', '--help'], ['--wrong', 'work']],
  ['options that turn off', ['serve', '--no-'], ['--no-page'], ['--model']],
  ['choices of an option', ['classify', '--preset', ''], ['imagenet', 'cifar'], ['my image.png', '--top']],
  ['choices of an argument', ['completion', ''], ['bash', 'zsh', 'fish'], ['my image.png']],
  ['files of an option', ['serve', '--config', 'my'], ['my image.png'], ['--model']],
  ['files of an argument', ['classify', '--json', 'my'], ['my image.png'], ['--json']],
  ['nothing for a number', ['classify', '--top', ''], [], ['my image.png', 'imagenet', '--json']],
]

describe('napi-torch completion', function () {
  this.timeout(60_000)

  for (const shell of SHELLS) {
    describe(shell, () => {
      let script = ''
      before(async function () {
        if (spawnSync(shell, ['--version']).error !== undefined) skip(this, `there is no ${shell}`)
        const { status, stdout, stderr } = await napiTorch(['completion', shell])
        assert.deepEqual([status, stderr], [0, ''])
        script = stdout
      })

      for (const [what, words, offered, others] of CASES) {
        it(`completes ${what}`, () =>
          inFolder(async (folder) => {
            await writeFile(join(folder, 'my image.png'), '')
            const path = join(folder, 'script')
            await writeFile(path, script)

            const args = ASK[shell](path, ['napi-torch', ...words])
            const { stdout, stderr } = spawnSync(shell, args, { cwd: folder, encoding: 'utf8' })

            // fish puts the description behind a tab; zsh leaves out afterwards what does not begin with the word.
            const names = stdout.split('\n').map((line) => line.split('\t', 1)[0] ?? '')
            const lines = names.filter((name) => name.startsWith(words.at(-1) ?? ''))
            assert.equal(stderr, '')
            for (const name of offered) assert.ok(lines.includes(name), `${name} is missing:\n${stdout}`)
            for (const name of others) assert.ok(!lines.includes(name), `${name} is offered:\n${stdout}`)
          }))
      }
    })
  }

  it('refuses a shell that it does not know', async () => {
    const { status, stderr } = await napiTorch(['completion', 'tcsh'])

    assert.equal(status, 2)
    assert.match(stderr, /value 'tcsh' is invalid for argument 'shell'\. Allowed choices are bash, zsh, fish/)
  })
})
