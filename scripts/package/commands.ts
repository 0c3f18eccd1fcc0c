// Every command of the installed packages, asked what the documentation shows, in a folder of a user.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const MAIN = join('node_modules', 'napi-torch', 'dist', 'cli', 'main.js')
const SAMPLE = 'node_modules/@napi-torch/fashion-mnist'
const CHECKPOINT = `${SAMPLE}/resnet18-fashion-mnist.pth`

interface Question {
  readonly args: readonly string[]
  readonly says: RegExp
  readonly status?: number
  /** File that the command reads from standard input. */
  readonly input?: string
}

/** Writes the first test image as `boot.png`, a list of it, and photos of two classes, which the questions use. */
export const IMAGE_PROGRAM = `import { IdxDataset } from 'napi-torch/vision'
import { mkdirSync, writeFileSync } from 'node:fs'
import sharp from 'sharp'
const dataset = await IdxDataset.open('${SAMPLE}')
const write = async (index, path) => {
  const { image } = await dataset.get(index)
  const { width, height, channels } = image
  await sharp(image.data, { raw: { width, height, channels } }).png().toFile(path)
}
await write(0, 'boot.png')
for (const [label, name] of [[1, 'trousers'], [9, 'boots']]) {
  mkdirSync('photos/' + name, { recursive: true })
  for (let index = 0; index < 80; index++) {
    if ((await dataset.label(index)) === label) await write(index, 'photos/' + name + '/' + index + '.png')
  }
}
writeFileSync('images.csv', 'path,label\\nboot.png,Ankle boot\\n')
`

/** What each command is asked. Its first word is the command, and every command that the help lists must have one. */
const QUESTIONS: readonly Question[] = [
  { args: ['--version'], says: /^napi-torch \d+\.\d+\.\d+\nlibtorch \d+\.\d+/ },
  { args: ['doctor'], says: /No problems found/ },
  { args: ['inspect', CHECKPOINT], says: /resnet18/i },
  { args: ['classify', CHECKPOINT, 'boot.png', '--top', '1'], says: /Ankle boot/ },
  { args: ['classify', CHECKPOINT, '-', '--json'], says: /"Ankle boot"/, input: 'boot.png' },
  { args: ['evaluate', CHECKPOINT, 'images.csv'], says: /top-1 +100/ },
  {
    args: ['train', 'photos', '--from', CHECKPOINT, '-o', 'my-model', '--epochs', '0'],
    says: /napi-torch serve my-model/,
  },
  { args: ['classify', 'my-model', 'boot.png', '--top', '1'], says: /boots/ },
  { args: ['convert', CHECKPOINT, 'boot.safetensors'], says: /boot\.safetensors/ },
  { args: ['verify', CHECKPOINT, '--python', 'no-such-python'], says: /no-such-python: No such program/, status: 1 },
  { args: ['demo', '--images', '100'], says: /100/ },
  { args: ['install-libtorch', '--from', 'no such file'], says: /no such file: it does not exist/, status: 1 },
  { args: ['build', '--help'], says: /C\+\+20 compiler/ },
  { args: ['completion', 'bash'], says: /complete .*napi-torch/ },
  { args: ['completion', 'zsh'], says: /#compdef napi-torch/ },
  { args: ['completion', 'fish'], says: /complete -c napi-torch/ },
  { args: ['help', 'classify'], says: /^Usage: napi-torch classify/ },
  { args: ['serve', '--print-schema'], says: /"\$schema"|"properties"/ },
  { args: ['serve', '--demo', '--check'], says: /resnet18|fashion/i },
  { args: ['jobs', 'status', '--redis', 'redis://127.0.0.1:1'], says: /cannot be reached/, status: 1 },
]

/** Asks the commands in the folder of a user that has all packages. Gives what was not as expected, a sentence each. */
export function askCommands(node: string, project: string, env: NodeJS.ProcessEnv): readonly string[] {
  const ask = ({ args, input }: Pick<Question, 'args' | 'input'>): { status: number | null; said: string } => {
    const { status, stdout, stderr } = spawnSync(node, [MAIN, ...args], {
      cwd: project,
      encoding: 'utf8',
      env,
      timeout: 120_000,
      ...(input !== undefined && { input: readFileSync(join(project, input)) }),
    })
    return { status, said: `${stdout}${stderr}` }
  }
  const faults = QUESTIONS.flatMap(({ args, says, status = 0, input }) => {
    const answer = ask({ args, ...(input !== undefined && { input }) })
    if (answer.status === status && says.test(answer.said)) return []
    return [`napi-torch ${args.join(' ')} ended with ${answer.status}: ${answer.said.slice(0, 300)}`]
  })

  const commands = [...ask({ args: ['help'] }).said.matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm)].map(
    ([, name = '']) => name,
  )
  const asked = new Set(QUESTIONS.map(({ args: [name] }) => name))
  const page = readFileSync(join(project, 'node_modules/napi-torch/man/napi-torch.1'), 'utf8')
  for (const name of commands) {
    if (!asked.has(name)) faults.push(`Nothing asks the command ${name}`)
    if (name === 'help') continue
    if (!page.replaceAll('\\', '').includes(name)) faults.push(`The man page lacks ${name}`)
    if (!ask({ args: ['help', name] }).said.startsWith(`Usage: napi-torch ${name}`)) faults.push(`${name} has no help`)
  }
  if (commands.length < 10) faults.push(`The help lists ${commands.length} commands`)
  return faults
}
